import { Drawing, plotWidth, shortCount, type Theme } from './svg.ts'

/** The latency of a kind of request by number of rows. */
export interface GrowthPanel {
  name: string
  points: { rows: number; p50Ms: number; p99Ms: number }[]
  /** The goal for p99 at the largest number of rows. */
  goalMs?: number | undefined
}

const columns = 4
const panelHeight = 104
const rowHeight = 172
const top = 64

/** A panel for each kind, all with the same logarithmic axes. */
export function drawGrowth(theme: Theme, title: string, panels: GrowthPanel[]): string {
  const drawing = new Drawing(theme)
  const rows = [...new Set(panels.flatMap(({ points }) => points.map((point) => point.rows)))].sort((a, b) => a - b)
  const all = panels.flatMap(({ points, goalMs }) => [...points.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]), goalMs ?? Number.NaN]).filter(Number.isFinite)
  const from = Math.floor(Math.log10(Math.min(...all)))
  const to = Math.ceil(Math.log10(Math.max(...all)))
  drawing.text(16, 24, title, { size: 15, bold: true })
  legend(drawing)
  const width = (plotWidth - 16) / columns
  panels.forEach((panel, i) => {
    const x0 = 8 + (i % columns) * width + 40
    const x1 = 8 + ((i % columns) + 1) * width - 16
    const y0 = top + Math.floor(i / columns) * rowHeight + 24 + panelHeight
    const y = (ms: number) => y0 - ((Math.log10(ms) - from) / (to - from)) * panelHeight
    const [few = 1, many = 1] = [rows[0], rows.at(-1)]
    const x = (count: number) => x0 + 8 + (many > few ? Math.log(count / few) / Math.log(many / few) : 0.5) * (x1 - x0 - 16)
    drawing.text(x0 - 32, y0 - panelHeight - 12, panel.name, { bold: true })
    for (let power = from; power <= to; power++) {
      drawing.line(x0, y(10 ** power), x1, y(10 ** power), theme.grid)
      drawing.text(x0 - 6, y(10 ** power) + 4, `${10 ** power}`, { size: 11, anchor: 'end', color: theme.faint })
    }
    axisOfRows(drawing, rows, { x, y0, middle: (x0 + x1) / 2 })
    if (panel.goalMs !== undefined) drawing.line(x0, y(panel.goalMs), x1, y(panel.goalMs), theme.text, { dashes: '2 3', width: 1.5 })
    const curve = (series: 0 | 1, read: (point: GrowthPanel['points'][number]) => number) => {
      drawing.path(
        panel.points.map((point) => [x(point.rows), y(read(point))]),
        theme.series[series],
      )
      for (const point of panel.points) drawing.mark(x(point.rows), y(read(point)), series)
    }
    curve(1, ({ p99Ms }) => p99Ms)
    curve(0, ({ p50Ms }) => p50Ms)
  })
  return drawing.finished(top + Math.ceil(panels.length / columns) * rowHeight, title)
}

function legend(drawing: Drawing): void {
  const { faint, text } = drawing.theme
  drawing.mark(20, 41, 0)
  drawing.text(30, 45, 'p50 in ms', { color: faint })
  drawing.mark(116, 41, 1)
  drawing.text(126, 45, 'p99 in ms', { color: faint })
  drawing.line(208, 41, 230, 41, text, { dashes: '2 3', width: 1.5 })
  drawing.text(236, 45, 'goal for p99 at the largest size', { color: faint })
}

/** The axis of rows; a label that would touch its neighbour is omitted. */
function axisOfRows(drawing: Drawing, rows: number[], { x, y0, middle }: { x: (count: number) => number; y0: number; middle: number }): void {
  const { faint } = drawing.theme
  let free = Number.POSITIVE_INFINITY
  for (const count of [...rows].reverse()) {
    drawing.line(x(count), y0, x(count), y0 + 4, faint)
    const halfWidth = shortCount(count).length * 3.6
    if (x(count) + halfWidth > free) continue
    drawing.text(x(count), y0 + 16, shortCount(count), { size: 11, anchor: 'middle', color: faint })
    free = x(count) - halfWidth - 4
  }
  drawing.text(middle, y0 + 32, 'rows', { size: 11, anchor: 'middle', color: faint })
}
