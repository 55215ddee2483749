import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clearAll, command, type Hawker, hawker, newFolder } from './process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
  .concat(readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)))
  .filter((file) => file.endsWith('.md'))
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** Commands that run for a long time, and what runs them. */
const runElsewhere: Record<string, string> = {
  'npm start': 'server/tests/start.test.ts starts what it starts',
  'npm test': 'is what runs this test',
}

const blocks = documents.flatMap((document) =>
  [...read(document).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = '']) => ({ document, text: text.trim() })),
)

/** A block's commands: a line that ends in a backslash or a pipe, or in the middle of a quoted text, goes on. */
function commandsOf(text: string): string[] {
  const found: string[] = []
  let present = ''
  for (const line of text.split('\n')) {
    present = present === '' ? line : `${present}\n${line}`
    if (/[\\|]$/.test(line) || (present.match(/'/g) ?? []).length % 2 === 1) continue
    if (present.trim() !== '') found.push(present)
    present = ''
  }
  return found
}

const folder = newFolder()
const key = `test_${'d0c5'.repeat(16)}`
const environment = { HAWKER_DATA_DIR: folder, HAWKER_API_KEY: key }
let server: Hawker
let url = ''
/** Variables that a document's commands have set, for the following ones. */
const kept: Record<string, Record<string, string>> = {}

beforeAll(async () => {
  server = hawker(['start'], { environment })
  url = await server.ready()
})
afterAll(clearAll)

describe('the documentation', () => {
  test.each(blocks.flatMap(({ document, text }) => commandsOf(text).map((line) => [document, line] as const)))(
    'the command in %s works: %s',
    (document, line) => {
      if (runElsewhere[line]) return expect(scripts[line.replace(/^npm (run )?/, '')]).toBeDefined()
      const runnable = line.replaceAll('http://localhost:8080', url).replaceAll('<key>', key).replaceAll('npx hawker', `'${process.execPath}' '${command}'`)
      const set = /^(?:export )?([A-Z_]+)=/.exec(line)?.[1]
      const env = { PATH: process.env.PATH, ...environment, HAWKER_URL: url, ...kept[document] }
      const script = set ? `${runnable}\nprintf %s "$${set}"` : runnable
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: root, env })
      if (set) kept[document] = { ...kept[document], [set]: stdout }
      expect(status, stderr).toBe(0)
      expect(stdout).not.toBe('')
      // Every error has a code.
      if (line.startsWith('curl') && stdout.startsWith('{')) expect(JSON.parse(stdout)).not.toHaveProperty('code')
    },
  )

  test('the documentation names scripts, settings and files that exist', () => {
    const readers = ['server/src/config.ts', 'server/src/openapi-examples.test.ts', 'vitest.config.ts', 'scripts/node.mjs'].map(read).join('')
    for (const document of documents) {
      const text = read(document)
      for (const [, name = ''] of text.matchAll(/npm run ([a-z:]+)/g)) expect(scripts, `${document} names npm run ${name}`).toHaveProperty([name])
      for (const [name] of text.matchAll(/\b(HAWKER|CONTROL|DATABASE|SMTP)_[A-Z_]+\b/g))
        expect(readers, `${document} names ${name}`).toMatch(new RegExp(`\\b${name}\\b`))
      for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
        expect(existsSync(join(root, dirname(document), target)), `${document} points to ${target}`).toBe(true)
      }
      for (const [, path = ''] of text.matchAll(/`((?:server|scripts|docs|\.ci)\/[\w./-]+\.(?:ts|mjs|md|sql))`/g)) {
        expect(existsSync(join(root, path)), `${document} names ${path}`).toBe(true)
      }
    }
  })

  test('the documentation lists every setting', () => {
    const names = new Set([...read('server/src/config.ts').matchAll(/(?:text|whole|flag|url)\('([A-Z_]+)'/g)].map(([, name = '']) => name))
    const operating = read('docs/operating.md')
    expect([...names].filter((name) => !operating.includes(`\`${name}\``))).toEqual([])
  })
})
