import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Theme, themes } from './plots/svg.ts'

/** The output of a benchmark: parts of docs/performance.md by name and plots by file name. */
export interface Report {
  parts: Record<string, string>
  drawings: Record<string, (theme: Theme) => string>
}

/** Replaces the parts between their marks in a page. Throws if the page has no marks for a part. */
export function renewed(page: string, parts: Record<string, string>): string {
  let text = page
  for (const [name, content] of Object.entries(parts)) {
    const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- end: ${name} -->`]
    const from = text.indexOf(begin)
    const to = text.indexOf(end)
    if (from < 0 || to < from) throw new Error(`docs/performance.md has no marks for "${name}": ${begin} and ${end}.`)
    text = `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`
  }
  return text
}

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Writes a report to docs/performance.md and docs/plots. */
export function writePage({ parts, drawings }: Report): void {
  const file = `${docs}performance.md`
  writeFileSync(file, renewed(readFileSync(file, 'utf8'), parts))
  mkdirSync(`${docs}plots`, { recursive: true })
  for (const [name, draw] of Object.entries(drawings)) {
    for (const [mode, theme] of Object.entries(themes)) writeFileSync(`${docs}plots/${name}-${mode}.svg`, draw(theme))
  }
  process.stderr.write('  docs/performance.md and docs/plots are up to date\n')
}

/** A report as text for the terminal. */
export const printed = ({ parts }: Report): string => Object.values(parts).join('\n\n')
