import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { advice, type Candidate, candidates, type Installer, saysVersion, startChromium } from '../../e2e/chromium.ts'
import { clearAll, newFolder } from './process.ts'

afterAll(clearAll)

/** A program in a new folder that does what the shell text says. */
function program(name: string, text = 'echo Chromium 1.2.3'): string {
  const path = join(newFolder('bin'), name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

const folderOf = (path: string) => join(path, '..')
const pathsOf = (found: Candidate[], ...known: string[]) => found.flatMap(({ path }) => (path && known.includes(path) ? [path] : []))

/** A search among what is given, whose browsers start when their names say so. */
function search(found: Candidate[], installers: Installer[] = []) {
  const said: string[] = []
  const start = async ({ name }: Candidate) => {
    if (name.includes('broken')) throw new Error('no display\nand much more')
    return name
  }
  return { said, started: startChromium({ find: () => found, installers, start, say: (line) => said.push(line) }) }
}

describe.skipIf(process.platform === 'win32')('finding a Chromium', () => {
  test("CHROMIUM_PATH comes first, then a headless shell, then the PATH in its order, then Playwright's own", () => {
    const [chosen, first, second, shell] = [program('my-browser'), program('google-chrome'), program('chromium'), program('chromium-headless-shell')]
    const found = candidates({ CHROMIUM_PATH: chosen, PATH: `${folderOf(first)}::${folderOf(second)}:/nowhere:${folderOf(shell)}` }, 'linux')
    expect(pathsOf(found, chosen, first, second, shell)).toEqual([chosen, shell, first, second])
    expect(found[0]?.name).toContain('CHROMIUM_PATH')
    expect(found.at(-1)).toEqual({ name: "Playwright's headless shell" })
  })

  test('programs are looked for where Windows and macOS keep them', () => {
    const windows = 'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'
    expect(candidates({ PROGRAMFILES: 'C:\\Program Files' }, 'win32', (path) => path === windows)[0]).toEqual({ name: windows, path: windows })
    const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
    expect(candidates({}, 'darwin', (path) => path === mac)[0]).toEqual({ name: mac, path: mac })
  })

  test('a program that prints no version, exits with an error or hangs is not a browser', async () => {
    const answers = [program('chromium'), program('stub', 'echo install the snap >&2; exit 1'), program('silent', ':'), program('hanging', 'exec sleep 60')]
    expect(await Promise.all(answers.map((path) => saysVersion({ name: path, path }, 1)))).toEqual([true, false, false, false])
  })

  test('a broken browser is skipped and reported', async () => {
    const stub = program('stub', 'exit 1')
    const { said, started } = search([
      { name: stub, path: stub },
      { name: 'broken', path: program('chromium') },
      { name: 'good', path: program('chrome') },
    ])
    expect(await started).toBe('good')
    expect(said).toEqual([`${stub} does not say its version; passed over.`, 'broken does not start (no display); passed over.'])
  })

  test('a missing browser is installed, in the next way when the first fails, and then no further', async () => {
    const found: Candidate[] = [{ name: "broken: Playwright's" }]
    const ways: string[] = []
    const way = (name: string, works: () => boolean): Installer => ({ name, install: async () => ways.push(name) > 0 && works() })
    const put = () => found.unshift({ name: 'new', path: program('chromium') }) > 0
    const { said, started } = search(found, [way('one', () => false), way('two', put), way('three', put)])
    expect(await started).toBe('new')
    expect(ways).toEqual(['one', 'two'])
    expect(said).toEqual(['There is no Chromium that starts; installing one …', 'That did not work.', 'There is no Chromium that starts; installing two …'])
  })

  test('a useful message is printed when no way works', async () => {
    const { started } = search([{ name: "broken: Playwright's" }], [{ name: 'one', install: async () => false }])
    await expect(started).rejects.toThrow(advice)
    for (const way of ['install Chromium', 'CHROMIUM_PATH', 'HAWKER_BROWSER_TESTS=off']) expect(advice).toContain(way)
  })
})
