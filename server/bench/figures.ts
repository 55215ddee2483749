import { median } from './load.ts'

/** A number with about three significant digits. */
export function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}

/** The median of some values with their range. */
export function range(values: (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined)
  if (known.length === 0) return '–'
  return known.length === 1 ? short(known[0]) : `${short(median(known))} (${short(Math.min(...known))}–${short(Math.max(...known))})`
}

/** An aligned Markdown table; the first row is its header. Columns of figures are aligned to the right. */
export function table(rows: string[][]): string {
  const [head = [], ...body] = rows
  const columns = head.map((_, column) => ({
    width: Math.max(3, ...rows.map((row) => [...(row[column] ?? '')].length)),
    isRight: column > 0 && body.every((row) => /^([\d≤≥–].*)?$/.test(row[column] ?? '')),
  }))
  const padded = (text: string, { width, isRight }: (typeof columns)[number]) => (isRight ? text.padStart(width) : text.padEnd(width))
  const line = (row: string[]) => `| ${columns.map((column, i) => padded(row[i] ?? '', column)).join(' | ')} |`
  const rule = columns.map(({ width, isRight }) => (isRight ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2)))
  return [line(head), `|${rule.join('|')}|`, ...body.map(line)].join('\n')
}

/** A goal of docs/performance.md. */
export interface Goal {
  name: string
  goal: number
  /** The minimum that is still acceptable. */
  floor: number | undefined
  /** Whether higher is better. */
  more: boolean
  unit: string
  /** The measured values, one per round. */
  values: number[]
}

interface GoalOptions {
  floor?: number
  more?: boolean
  unit?: string
}

/** A goal with its measured values. */
export function goalOf(name: string, goal: number, values: (number | undefined)[], { floor, more = false, unit = '' }: GoalOptions = {}): Goal {
  return { name, goal, floor, more, unit, values: values.filter((value) => value !== undefined) }
}

/** Whether the median reaches a goal. */
export function verdict({ values, goal, floor, more }: Goal): string {
  if (values.length === 0) return 'not measured'
  const value = median(values)
  const reaches = (limit: number) => (more ? value >= limit : value <= limit)
  return reaches(goal) ? 'met' : floor !== undefined && reaches(floor) ? '**missed**, floor met' : '**missed**'
}

/** Goals with their measured values. */
export function goalsTable(goals: Goal[]): string {
  const withFloor = goals.some(({ floor }) => floor !== undefined)
  const limit = (value: number | undefined, { more, unit }: Goal) => (value === undefined ? '' : `${more ? '≥' : '≤'} ${value.toLocaleString('en')}${unit}`)
  const row = (one: Goal) => [one.name, ...(withFloor ? [limit(one.floor, one)] : []), limit(one.goal, one), range(one.values), verdict(one)]
  return table([['', ...(withFloor ? ['floor'] : []), 'goal', 'median (range)', ''], ...goals.map(row)])
}
