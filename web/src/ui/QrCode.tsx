import { pathOf, quiet } from './qr-path.ts'

/** A code to scan, always dark on white: banking apps' scanners do not read it inverted. */
export function QrCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const size = rows.length + quiet * 2
  return (
    <svg className="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect className="qr-light" width={size} height={size} />
      <path className="qr-dark" d={pathOf(rows)} />
    </svg>
  )
}
