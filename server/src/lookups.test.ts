import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ElementAccessExpression,
  isAsExpression,
  isBinaryExpression,
  isElementAccessExpression,
  isStringLiteral,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { API, type Checker, type Project, type Type, TypeFlags, type UnionType } from 'typescript/unstable/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** Lookups that stay as they are, and why nothing from outside is their key. */
const known: Record<string, string> = {
  'row[name as keyof Row]': 'the name of a column of the table',
  'readers[name as keyof typeof readers]': 'the name of a column that all tables share',
  'object[key]': 'ownValue itself, which has looked first',
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const assignments = new Set([SyntaxKind.EqualsToken])

let api: API
let projects: Project[]
beforeAll(() => {
  api = new API({ cwd: root })
  const configs = ['server', 'web'].map((folder) => `${root.replaceAll(sep, '/')}${folder}/tsconfig.json`)
  const snapshot = api.updateSnapshot({ openProjects: configs })
  projects = configs.map((config) => snapshot.getProject(config)).filter((project) => project !== undefined)
}, 60_000)
afterAll(() => api.close())

/** Whether a key may be any text. What starts with letters of ours, as `body.${name}` does, is no inherited name. */
const isAnyText = (type: Type | undefined): boolean =>
  type !== undefined &&
  ((type.flags & (TypeFlags.String | TypeFlags.Any)) !== 0 || ((type.flags & TypeFlags.Union) !== 0 && (type as UnionType).getTypes().some(isAnyText)))

function isPrefixed(key: Node): boolean {
  return key.kind === SyntaxKind.TemplateExpression && key.getText().replace(/^`/, '').search(/\$\{/) > 0
}

function isAssigned(access: ElementAccessExpression): boolean {
  const { parent } = access
  return (isBinaryExpression(parent) && parent.left === access && assignments.has(parent.operatorToken.kind)) || parent.kind === SyntaxKind.DeleteExpression
}

/** The lookups in a source whose key may be any text, as they are written: `object[key]` if it is read, and `key in object`. */
function lookupsIn(source: Node, checker: Checker): string[] {
  const found: string[] = []
  const reads: ElementAccessExpression[] = []
  const visit = (node: Node) => {
    if (isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.InKeyword && !isStringLiteral(node.left)) found.push(node.getText())
    if (isElementAccessExpression(node) && !isAssigned(node) && !isPrefixed(node.argumentExpression)) reads.push(node)
    node.forEachChild(visit)
  }
  visit(source)
  const keys = reads.length === 0 ? [] : checker.getTypeAtLocation(reads.map(({ argumentExpression }) => argumentExpression))
  for (const [i, read] of reads.entries()) if (isAsExpression(read.argumentExpression) || isAnyText(keys[i])) found.push(read.getText())
  return found
}

function lookups(wanted: (file: string) => boolean): string[] {
  return projects.flatMap(({ program, checker }) =>
    program.getSourceFileNames().flatMap((name) => {
      const file = relative(root, name).replaceAll(sep, '/')
      const source = wanted(file) ? program.getSourceFile(name) : undefined
      return source ? lookupsIn(source, checker) : []
    }),
  )
}

describe('lookups', () => {
  test('a lookup by any text is recognized in each of its forms', () => {
    expect(lookups((file) => file === 'server/src/testing/lookups.ts')).toEqual([
      'name in table',
      'table[name]',
      'table[given]',
      'table[name as keyof typeof table]',
      'counts[name]',
    ])
  })

  test('no object is read by a key that may be any text, except through ownValue', () => {
    const found = lookups((file) => /^(server|web)\/src\//.test(file) && !/\.test\.tsx?$|\/testing\//.test(file))
    expect([...new Set(found)].sort()).toEqual(Object.keys(known).sort())
  })
})
