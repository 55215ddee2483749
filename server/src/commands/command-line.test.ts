import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { closestNames } from '#foundation/shared/did-you-mean.ts'
import { version } from '#foundation/shared/version.ts'
import { meantCommand, readCommandLine } from './command-line.ts'
import { progressOn } from './terminal.ts'
import { type CommandName, commands, usageOf } from './usage.ts'

/** The words of a line as a shell passes them. */
const words = (line: string) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

test('a command line is its command, options and arguments, in any order', () => {
  expect(readCommandLine(['--json', 'pay', 'ID', '--amount=9.50', '--late', '--card', '4242'])).toEqual({
    kind: 'command',
    name: 'pay',
    values: { json: true, amount: '9.50', late: true, card: '4242' },
    rest: ['ID'],
  })
  expect(readCommandLine([])).toEqual({ kind: 'help', name: undefined })
  expect(readCommandLine(['help', 'pay'])).toEqual({ kind: 'help', name: 'pay' })
  expect(readCommandLine(['pay', '--nonsense', '-h'])).toEqual({ kind: 'help', name: 'pay' })
  expect(readCommandLine(['--version'])).toEqual({ kind: 'version', values: { version: true } })
  expect(readCommandLine(['-v', '--json'])).toMatchObject({ kind: 'version', values: { json: true } })
})

describe('an error of the command line is one sentence with what is valid', () => {
  const cases: [string, string | RegExp][] = [
    ['strat', /^There is no command "strat"\. Did you mean "start"\? The commands are start, api, /],
    ['help lisen', /^There is no command "lisen"\. Did you mean "listen"\?/],
    ['constructor', /^There is no command "constructor"\. The commands are/],
    ['listen --forward http://x', /^listen does not accept --forward\. Did you mean --forward-to\? Its options are --forward-to, /],
    ['worker --json', 'worker does not accept --json. It has no options.'],
    ['verify --constructor', 'verify does not accept --constructor. Its options are --json.'],
    ['pay x --amount', '--amount expects a value.'],
    ['pay x --amount --json', '--amount expects a value.'],
    ['pay x --late=yes', '--late has no value.'],
    ['pay x --outcome complete', '--outcome expects completed, failed, canceled or timeout, not "complete". Did you mean "completed"?'],
    ['pay x y', 'pay does not expect "y".'],
    ['verify all', 'verify does not expect "all".'],
    ['keys', 'keys expects create, list or revoke.'],
    ['keys revok ID', 'keys expects create, list or revoke, not "revok". Did you mean "revoke"?'],
    ['businesses create --mode test', '--mode expects sandbox or live, not "test".'],
  ]
  test.each(cases)('hawker %s is refused', (line, message) => {
    expect(() => readCommandLine(words(line))).toThrow(message)
  })
})

test('a misspelled name is matched to the closest ones, and never to a distant one', () => {
  expect(closestNames('migarte', Object.keys(commands))).toEqual(['migrate'])
  expect(closestNames('--forward', ['--forward-to', '--events'])).toEqual(['--forward-to'])
  expect(closestNames('x', ['api', 'pay'])).toEqual([])
  expect(closestNames('', ['api'])).toEqual([])
  expect(closestNames('a'.repeat(100_000), ['api'])).toEqual([])
})

test('every command has examples, and every example is a valid command line', () => {
  for (const [name, { examples, takes }] of Object.entries(commands)) {
    expect(examples.length).toBeGreaterThan(0)
    for (const [line] of examples) {
      expect(readCommandLine(words(line))).toMatchObject({ kind: 'command', name })
      expect(usageOf(name as CommandName)).toContain(`npx hawker ${line}\n`)
    }
    for (const option of takes) expect(usageOf(name as CommandName)).toContain(`--${option}`)
  }
  expect(meantCommand(['--json', 'pay', '--x'])).toBe('pay')
})

test('every command that prints a result accepts --json', () => {
  const without = Object.entries(commands).filter(([, { takes }]) => !(takes as readonly string[]).includes('json'))
  // These print their log, which is JSON.
  expect(without.map(([name]) => name)).toEqual(['api', 'worker'])
})

test('a progress line replaces itself on a terminal, fits it, and is not written elsewhere', () => {
  const written: string[] = []
  const stream = { write: (text: string) => written.push(text) > 0, columns: 40 }
  const piped = progressOn(stream)
  piped.show('Checking 1 of 3')
  piped.clear()
  expect(written).toEqual([])
  const progress = progressOn({ ...stream, isTTY: true })
  progress.show('Checking 1 of 3')
  progress.show('x'.repeat(100))
  progress.clear()
  progress.clear()
  expect(written).toEqual(['\r\x1b[KChecking 1 of 3', `\r\x1b[K${'x'.repeat(39)}`, '\r\x1b[K'])
})

test('the version is that of the package', () => {
  expect(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version).toBe(version)
})
