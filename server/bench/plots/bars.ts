import { Drawing, plotWidth, type Ranged, steps, type Theme } from './svg.ts'

/** A group of bars with limits. */
export interface BarGroup {
  name: string
  bars: { series: 0 | 1 | 2; figure: Ranged }[]
  limits: { value: number; label: string }[]
}

export interface BarPlot {
  title: string
  /** The title of the axis. */
  axis: string
  /** The unit after each value. */
  unit: string
  /** The names of the series; empty for a single one. */
  legend: string[]
  groups: BarGroup[]
}

const left = 150
const right = 92
const barHeight = 16
const groupGap = 34

/** Horizontal bars with ranges and values; limits are lines across their group. */
export function drawBars(theme: Theme, { title, axis, unit, legend, groups }: BarPlot): string {
  const drawing = new Drawing(theme)
  drawing.text(16, 24, title, { size: 15, bold: true })
  legendOf(drawing, legend)
  const top = legend.length > 0 ? 66 : 38
  const highest = Math.max(...groups.flatMap(({ bars, limits }) => [...bars.map(({ figure }) => figure.high), ...limits.map(({ value }) => value)]))
  const ticks = steps(highest, 6)
  const limit = ticks.at(-1) ?? highest
  const x = (value: number) => left + (value / limit) * (plotWidth - left - right)
  const heights = groups.map(({ bars }) => bars.length * (barHeight + 3) + groupGap)
  const bottom = top + heights.reduce((sum, height) => sum + height, 0)
  for (const tick of ticks) {
    drawing.line(x(tick), top, x(tick), bottom, theme.grid)
    drawing.text(x(tick), bottom + 16, String(tick), { size: 11, anchor: 'middle', color: theme.faint })
  }
  drawing.text((left + plotWidth - right) / 2, bottom + 34, axis, { size: 11, anchor: 'middle', color: theme.faint })
  let y = top
  groups.forEach((group, i) => {
    drawGroup(drawing, group, { x, y, unit })
    y += heights[i] ?? 0
  })
  return drawing.finished(bottom + 48, title)
}

function legendOf(drawing: Drawing, legend: string[]): void {
  let x = 16
  legend.forEach((name, series) => {
    drawing.rectangle(x, 38, 12, 12, drawing.theme.series[series as 0 | 1 | 2])
    drawing.text(x + 18, 48, name, { color: drawing.theme.faint })
    x += 40 + name.length * 7.2
  })
}

/** A group: the labels of its limits in a line above its bars. */
function drawGroup(drawing: Drawing, { name, bars, limits }: BarGroup, { x, y, unit }: { x: (value: number) => number; y: number; unit: string }): void {
  const { theme } = drawing
  const first = y + 22
  const last = first + bars.length * (barHeight + 3)
  drawing.text(left - 10, (first + last) / 2 + 3, name, { anchor: 'end', size: 13 })
  bars.forEach(({ series, figure }, i) => {
    const above = first + i * (barHeight + 3)
    const middle = above + barHeight / 2
    drawing.rectangle(x(0), above, Math.max(1, x(figure.value) - x(0)), barHeight, theme.series[series])
    drawing.line(x(figure.low), middle, x(figure.high), middle, theme.text)
    for (const end of [figure.low, figure.high]) drawing.line(x(end), middle - 4, x(end), middle + 4, theme.text)
    const label = `${figure.value >= 10 ? figure.value.toFixed(1) : figure.value.toFixed(2)}${unit}`
    drawing.text(plotWidth - 16, middle + 4, label, { anchor: 'end' })
  })
  limits.forEach(({ value, label }, i) => {
    drawing.line(x(value), first - 4, x(value), last, theme.text, { width: 2, dashes: i === 0 ? '' : '4 3' })
    drawing.text(x(value) + (i === 0 ? -4 : 4), first - 8, label, { size: 11, anchor: i === 0 ? 'end' : 'start', color: theme.faint })
  })
}
