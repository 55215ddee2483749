import { Drawing, plotWidth, type Ranged, shortCount, steps, type Theme } from './svg.ts'

/** The rate of an operation by connections, and that of the database alone. */
export interface RatePanel {
  name: string
  points: { connections: number; rate: Ranged }[]
  /** The same work by pgbench, if it was measured. */
  direct?: Ranged | undefined
}

const top = 62
const panelHeight = 190
const left = 52
const gap = 18

/** A panel for each operation. Axes start at 0; with `sameAxis` the panels can be compared. */
export function drawRates(theme: Theme, { title, unit, sameAxis }: { title: string; unit: string; sameAxis: boolean }, panels: RatePanel[]): string {
  const drawing = new Drawing(theme)
  const [server, database] = theme.series
  drawing.text(16, 24, title, { size: 15, bold: true })
  drawing.mark(20, 41, 0)
  drawing.text(30, 45, 'through the API, median and range of the rounds', { color: theme.faint })
  drawing.line(344, 41, 366, 41, database, { width: 2, dashes: '5 3' })
  drawing.text(372, 45, 'the same work by pgbench, median and range', { color: theme.faint })
  const width = (plotWidth - 16) / panels.length
  const highestOf = ({ points, direct }: RatePanel) => Math.max(...points.map(({ rate }) => rate.high), direct?.high ?? 0)
  panels.forEach((panel, i) => {
    const x0 = 8 + i * width + left
    const x1 = 8 + (i + 1) * width - gap
    const y0 = top + 36 + panelHeight
    const highest = sameAxis ? Math.max(...panels.map(highestOf)) : highestOf(panel)
    const ticks = steps(highest, 5)
    const limit = ticks.at(-1) ?? highest
    const y = (value: number) => y0 - (value / limit) * panelHeight
    drawing.text(x0 - 36, top + 14, panel.name, { size: 13, bold: true })
    drawing.text(x1, top + 14, unit, { size: 11, anchor: 'end', color: theme.faint })
    for (const tick of ticks) {
      drawing.line(x0, y(tick), x1, y(tick), theme.grid)
      drawing.text(x0 - 6, y(tick) + 4, shortCount(tick), { size: 11, anchor: 'end', color: theme.faint })
    }
    const most = Math.log2(Math.max(...panel.points.map(({ connections }) => connections)))
    const x = (connections: number) => x0 + 12 + (Math.log2(connections) / most) * (x1 - x0 - 24)
    for (const { connections } of panel.points) {
      drawing.line(x(connections), y0, x(connections), y0 + 4, theme.faint)
      drawing.text(x(connections), y0 + 17, String(connections), { size: 11, anchor: 'middle', color: theme.faint })
    }
    drawing.text((x0 + x1) / 2, y0 + 34, 'connections', { size: 11, anchor: 'middle', color: theme.faint })
    if (panel.direct) {
      const { low, high, value } = panel.direct
      drawing.rectangle(x0, y(high), x1 - x0, Math.max(1, y(low) - y(high)), database, 0.18)
      drawing.line(x0, y(value), x1, y(value), database, { width: 2, dashes: '5 3' })
    }
    drawing.path(
      panel.points.map(({ connections, rate }) => [x(connections), y(rate.value)]),
      server,
    )
    for (const { connections, rate } of panel.points) {
      drawing.whisker(x(connections), y(rate.low), y(rate.high), server)
      drawing.mark(x(connections), y(rate.value), 0)
    }
  })
  return drawing.finished(top + 36 + panelHeight + 46, title)
}
