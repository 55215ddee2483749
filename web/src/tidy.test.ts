import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** The parts of the pages, in order: a file imports its own part and those before it. */
const order = ['shared', 'messages', 'ui', 'drop-in', 'checkout', 'sandbox', 'render.tsx', 'testing']
/** Parts that are loaded by different pages and never import each other. */
const apart = [['checkout', 'sandbox']]

const longestFile = 400
const folder = fileURLToPath(new URL('.', import.meta.url))
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
const code = files.filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file))
const read = (file: string) => readFileSync(join(folder, file), 'utf8')
const partOf = (file: string) => order.find((part) => file === part || file.startsWith(`${part}/`))
const importsOf = (file: string) => [...read(file).matchAll(/from '(\.[^']+)'/g)].map(([, to = '']) => normalize(join(dirname(file), to)).replaceAll('\\', '/'))

test('every file of the pages belongs to a part of the order', () => {
  expect(code.filter((file) => partOf(file) === undefined)).toEqual([])
})

test('a file of the pages imports only its own part and those before it', () => {
  const place = (file: string) => order.indexOf(partOf(file) ?? '')
  const upward = code.flatMap((file) =>
    importsOf(file)
      .filter((to) => place(to) > place(file))
      .map((to) => `${file} imports ${to}`),
  )
  expect(upward).toEqual([])
})

test('pages that are loaded apart never import each other', () => {
  for (const [one, other] of apart) {
    const both = code.filter((file) => partOf(file) === one || partOf(file) === other)
    expect(both.filter((file) => importsOf(file).some((to) => [one, other].includes(partOf(to)) && partOf(to) !== partOf(file)))).toEqual([])
  }
})

test('no file of the pages imports itself by way of others', () => {
  const graph = new Map(code.map((file) => [file, importsOf(file).filter((to) => code.includes(to))]))
  const reached = (from: string) => {
    const seen = new Set<string>()
    const open = [...(graph.get(from) ?? [])]
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue
      seen.add(file)
      open.push(...(graph.get(file) ?? []))
    }
    return seen
  }
  expect(code.filter((file) => reached(file).has(file))).toEqual([])
})

test(`no file of the pages is longer than ${longestFile} lines`, () => {
  const lengths = files.filter((file) => /\.(tsx?|css)$/.test(file)).map((file) => [file, read(file).split('\n').length - 1] as const)
  expect(lengths.filter(([, lines]) => lines > longestFile)).toEqual([])
})
