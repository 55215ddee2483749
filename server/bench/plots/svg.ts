/** The colours of a plot. The series colours are colour-blind safe, and their marks differ too. */
export interface Theme {
  background: string
  text: string
  faint: string
  grid: string
  series: [string, string, string]
}

export const themes: Record<'light' | 'dark', Theme> = {
  light: { background: '#ffffff', text: '#1f2328', faint: '#59636e', grid: '#d1d9e0', series: ['#0065a8', '#b3490b', '#00735a'] },
  dark: { background: '#0d1117', text: '#f0f6fc', faint: '#9198a1', grid: '#3d444d', series: ['#5cb8f0', '#f0a35e', '#33c7a0'] },
}

/** A figure of several rounds: median and range. */
export interface Ranged {
  value: number
  low: number
  high: number
}

export const plotWidth = 860

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A coordinate with one decimal, so that output is deterministic. */
const at = (value: number) => String(Math.round(value * 10) / 10)

export interface TextStyle {
  size?: number
  anchor?: 'start' | 'middle' | 'end'
  color?: string
  bold?: boolean
}

/** Builds an SVG, element by element. */
export class Drawing {
  readonly theme: Theme
  readonly #parts: string[] = []

  constructor(theme: Theme) {
    this.theme = theme
  }

  text(x: number, y: number, content: string, { size = 12, anchor = 'start', color = this.theme.text, bold = false }: TextStyle = {}): void {
    const weight = bold ? ' font-weight="600"' : ''
    this.#parts.push(`<text x="${at(x)}" y="${at(y)}" font-size="${size}" text-anchor="${anchor}" fill="${color}"${weight}>${escaped(content)}</text>`)
  }

  line(x1: number, y1: number, x2: number, y2: number, color: string, { width = 1, dashes = '' } = {}): void {
    const dashed = dashes ? ` stroke-dasharray="${dashes}"` : ''
    this.#parts.push(`<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${color}" stroke-width="${width}"${dashed}/>`)
  }

  path(points: [number, number][], color: string): void {
    this.#parts.push(
      `<polyline points="${points.map(([x, y]) => `${at(x)},${at(y)}`).join(' ')}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
    )
  }

  rectangle(x: number, y: number, width: number, height: number, color: string, opacity = 1): void {
    const faded = opacity === 1 ? '' : ` fill-opacity="${opacity}"`
    this.#parts.push(`<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${color}"${faded}/>`)
  }

  /** A data point of a series: a circle, a square or a diamond. */
  mark(x: number, y: number, series: 0 | 1 | 2): void {
    const color = this.theme.series[series]
    if (series === 0) this.#parts.push(`<circle cx="${at(x)}" cy="${at(y)}" r="3.5" fill="${color}"/>`)
    else if (series === 1) this.rectangle(x - 3.2, y - 3.2, 6.4, 6.4, color)
    else this.#parts.push(`<path d="M${at(x)} ${at(y - 4.5)}l4.5 4.5l-4.5 4.5l-4.5 -4.5z" fill="${color}"/>`)
  }

  /** A vertical range with end ticks. */
  whisker(x: number, yLow: number, yHigh: number, color: string): void {
    this.line(x, yLow, x, yHigh, color)
    for (const y of [yLow, yHigh]) this.line(x - 3, y, x + 3, y, color)
  }

  finished(height: number, title: string): string {
    const fonts = `system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Liberation Sans', Arial, sans-serif`
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${plotWidth} ${height}" width="${plotWidth}" height="${height}" role="img" font-family="${fonts}">
<title>${escaped(title)}</title>
<rect width="${plotWidth}" height="${height}" rx="6" fill="${this.theme.background}"/>
${this.#parts.join('\n')}
</svg>
`
  }
}

/** About `count` round values from 0 to at least `highest`. */
export function steps(highest: number, count: number): number[] {
  const rough = highest / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}

/** A count for an axis label. */
export function shortCount(count: number): string {
  if (count >= 1e6) return `${count / 1e6} M`
  if (count >= 10_000) return `${count / 1000} k`
  return count.toLocaleString('en')
}
