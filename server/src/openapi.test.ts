import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Text {
  at: string
  text: string
}

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'))

/** Every description and summary of the API, with where it is. */
function textsOf(value: unknown, at = ''): Text[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const here = `${at}/${name}`
    return (name === 'description' || name === 'summary') && typeof inner === 'string' ? [{ at: here, text: inner }] : textsOf(inner, here)
  })
}

/** Phrases for which CONTRIBUTING's glossary has a better word. */
const clumsy =
  /\b(told|tells? of|hears? of|stands? (for|in|with)|appointment|papers|is on its way|kept apart|at once|takes? (it |one )?away|taken (away|and)|what came of|gives? back|given back|whoever|spelled|spelling|tries|every try|the same try|is asked for|place in (its|their|your))\b/i

const verbs = [
  'Allocate',
  'Answer',
  'Create',
  'Delete',
  'Disable',
  'Export',
  'Follow',
  'Get',
  'List',
  'Pay',
  'Redeliver',
  'Refund',
  'Register',
  'Remove',
  'Replay',
  'Set',
  'Update',
  'Verify',
]

test('descriptions and summaries of the API use the words of the glossary', () => {
  const texts = textsOf(document)
  expect(texts.length).toBeGreaterThan(500)
  expect(texts.filter(({ text }) => clumsy.test(text))).toEqual([])
})

test('every operation has a summary that starts with a verb', () => {
  const operations = Object.values(document.paths as Record<string, Record<string, { operationId: string; summary?: string }>>).flatMap(Object.values)
  expect(operations.length).toBeGreaterThan(50)
  const without = operations.filter(({ summary = '' }) => !verbs.includes(summary.split(' ')[0] ?? ''))
  expect(without.map(({ operationId, summary }) => `${operationId}: ${summary}`)).toEqual([])
})
