import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const files = ['server/src', 'server/tests', 'web', 'e2e'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /(\.test\.tsx?|conformance\.ts)$/.test(file) && !file.includes('node_modules')),
)

/** A title: the first argument of `test` or `describe`, or of what `.each` and `.runIf` return. */
const titleOf = /(?:\b(?:test|describe)(?:\.\w+)*|\)|as const\))\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`\n]*)`)(?=,)/g

/** The first word of a title that goes on a sentence of its `describe`, which a CI log prints elsewhere. */
const fragment =
  /^(of|that|which|who|whose|whom|in one|by|with|about|for|from|to|and|or|as|at|is|are|was|were|has|have|had|does|do|did|can|may|must|says|tells|takes|gives|makes|needs|gets|shows|answers|keeps|leaves|finds|goes|comes|works|refuses|narrows|pages through)\b/

test('every test title is a statement with its own subject', () => {
  const titles = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(titleOf)].map(([, a, b, c]) => ({ file, title: a ?? b ?? c ?? '' })),
  )
  expect(titles.length).toBeGreaterThan(1000)
  expect(titles.filter(({ title }) => fragment.test(title)).map(({ file, title }) => `${file}: ${title}`)).toEqual([])
})
