import { expect, test } from 'vitest'
import { createLog } from './observability.ts'
import { readableLines } from './readable-lines.ts'

function aLog({ pid }: { pid?: number } = {}) {
  let text = ''
  const out = { write: (line: string) => void (text += line) }
  const log = createLog('info', readableLines(out, Object.assign(process.stderr, {})), pid === undefined ? null : { pid })
  return { log, out, text: () => text.replaceAll(/^\d\d:\d\d:\d\d/gm, 'TIME') }
}

test('a line for people has its time, its level unless that is info, its message and its fields', () => {
  const { log, text } = aLog({ pid: 71 })
  log.info({ url: 'http://localhost:8080', migrated: ['a', 'b', 'c', 'd'] }, 'ready')
  log.warn({ business_id: 'b1', most: 3 }, 'too few')
  expect(text()).toBe('TIME [71] ready url=http://localhost:8080 migrated=(4)\nTIME [71] warn too few business_id=b1 most=3\n')
})

test('a line for people shows an error with its stack, and never what the JSON line hides', () => {
  const { log, text } = aLog()
  const error = Object.assign(new TypeError('it broke'), { code: 'E_BROKEN', stack: 'TypeError: it broke\n    at here (file.ts:1:2)' })
  log.error({ error, salt: 'secret', email: 'a@example.com' }, 'polling failed')
  expect(text()).toBe('TIME error polling failed salt=[redacted] email=[redacted]\n         TypeError E_BROKEN it broke\n         at here (file.ts:1:2)\n')
})

test('a line for people keeps nothing that a terminal would obey', () => {
  const { log, text } = aLog()
  log.warn({ given: 'a\x1b[2Jb\r\nTIME forged\u0007\u202e' }, 'odd \x1b]0;title\x07text')
  expect(text()).toBe('TIME warn odd text given=ab  TIME forged  \n')
})

test('a line that is no JSON is written as it is', () => {
  let text = ''
  readableLines({ write: (line: string) => void (text += line) }, process.stderr).write('not JSON\n')
  expect(text).toBe('not JSON\n')
})
