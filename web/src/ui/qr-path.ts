/** Light modules around the code, as ISO/IEC 18004 requires. */
export const quiet = 4

/** The dark modules as one path, with a stroke for each run in a row. */
export function pathOf(rows: readonly string[]): string {
  return rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + quiet} ${y + quiet}h${run[0].length}v1h-${run[0].length}z`)).join('')
}
