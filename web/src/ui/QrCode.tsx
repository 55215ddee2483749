/** Light modules around the code, as ISO/IEC 18004 asks for. */
const quiet = 4

/** The dark modules as one path, a stroke for each run in a row. */
export function pathOf(rows: readonly string[]): string {
  return rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + quiet} ${y + quiet}h${run[0].length}v1h-${run[0].length}z`)).join('')
}

/** A code to scan, always dark on white: scanners of banks' apps do not read it the other way round. */
export function QrCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const size = rows.length + quiet * 2
  return (
    <svg className="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect className="qr-light" width={size} height={size} />
      <path className="qr-dark" d={pathOf(rows)} />
    </svg>
  )
}
