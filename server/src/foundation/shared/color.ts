/** A color as it is stored and returned: `#` and six lower-case hexadecimal digits. */
export type Color = string

export const white: Color = '#ffffff'
/** Dark enough that every color has at least 4.5:1 with it or with white; a lighter one leaves some colors without either. */
export const nearBlack: Color = '#050505'

/** WCAG 2.2: text (1.4.3), and what must be visible to recognize a control (1.4.11). */
export const contrastOfText = 4.5
export const contrastOfControls = 3

/** The colors of a checkout until its business sets others. */
export const defaultColors: Colors = { primary_color: '#1d4ed8', background_color: white }

export interface Colors {
  primary_color: Color
  background_color: Color
}

/** Reads `#1d4ed8`, also in capitals, without its mark or with three digits; undefined for anything else. */
export function parseColor(text: string): Color | undefined {
  const digits = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1]?.toLowerCase()
  if (digits === undefined) return undefined
  return `#${digits.length === 3 ? digits.replaceAll(/./g, '$&$&') : digits}`
}

function channelsOf(color: Color): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

/** Relative luminance, from 0 (black) to 1 (white), as WCAG defines it. */
function luminanceOf(color: Color): number {
  const [red, green, blue] = channelsOf(color).map((channel) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The contrast of two colors, from 1 (none) to 21 (black on white). */
export function contrastRatio(one: Color, other: Color): number {
  const a = luminanceOf(one)
  const b = luminanceOf(other)
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** A contrast as text, rounded down, so that too little never looks like enough: `2.99:1`. */
export function formatContrast(ratio: number): string {
  return `${(Math.floor(ratio * 100) / 100).toFixed(2)}:1`
}

/** White or near-black, whichever is more readable on a color; at least 4.5:1 on every color. */
export function textOn(color: Color): Color {
  return contrastRatio(white, color) >= contrastRatio(nearBlack, color) ? white : nearBlack
}

/** A color between two others: 0 is the first, 1 the second. */
export function mix(from: Color, to: Color, share: number): Color {
  const target = channelsOf(to)
  const mixed = channelsOf(from).map((channel, i) => Math.round(channel + ((target[i] ?? channel) - channel) * share))
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** The color, moved towards another only as far as needed for enough contrast with all grounds; at most that other color. */
function movedUntilSeen(color: Color, towards: Color, grounds: Color[], ratio: number): Color {
  const steps = 20
  for (let step = 0; step < steps; step++) {
    const moved = mix(color, towards, step / steps)
    if (grounds.every((ground) => contrastRatio(moved, ground) >= ratio)) return moved
  }
  return towards
}

/** The shade of a button under the pointer: different from the button's, with readable text, and if possible still distinct from the page. */
export function hoverOf(color: Color, background: Color): Color {
  const text = textOn(color)
  const shades = [mix(color, text === white ? '#000000' : white, 0.14), mix(color, text, 0.08), mix(color, text === white ? '#000000' : white, 0.3)].filter(
    (shade) => shade !== color && contrastRatio(shade, text) >= contrastOfText,
  )
  return shades.find((shade) => contrastRatio(shade, background) >= contrastOfControls) ?? shades[0] ?? color
}

/** The colors of a page as CSS custom properties. */
export interface ThemeColors {
  /** Buttons, and the text, the hover shade and the links that go with them. */
  '--brand': Color
  '--brand-text': Color
  '--brand-hover': Color
  '--brand-link': Color
  '--background': Color
  /** Cards and fields on the background. */
  '--surface': Color
  '--text': Color
  '--muted': Color
  /** A line that is only decoration, and one that shows where a field is. */
  '--border': Color
  '--border-field': Color
  '--danger': Color
  '--success': Color
}

export interface Theme {
  light: ThemeColors
  dark: ThemeColors
}

function colorsOf(brand: Color, background: Color): ThemeColors {
  const text = textOn(background)
  const towardsText = mix(background, text, 0.04)
  // A ground of medium lightness has no contrast to spare: there a card goes the other way.
  const surface = contrastRatio(towardsText, text) >= 7 ? towardsText : mix(background, text === white ? nearBlack : white, 0.06)
  const grounds = [background, surface]
  const shown = movedUntilSeen(brand, text, [background], contrastOfControls)
  return {
    '--brand': shown,
    '--brand-text': textOn(shown),
    '--brand-hover': hoverOf(shown, background),
    '--brand-link': movedUntilSeen(brand, text, grounds, contrastOfText),
    '--background': background,
    '--surface': surface,
    '--text': text,
    '--muted': movedUntilSeen(mix(text, background, 0.4), text, grounds, contrastOfText),
    '--border': mix(background, text, 0.15),
    '--border-field': movedUntilSeen(mix(background, text, 0.3), text, grounds, contrastOfControls),
    '--danger': movedUntilSeen('#b91c1c', text, grounds, contrastOfText),
    '--success': movedUntilSeen('#15803d', text, grounds, contrastOfText),
  }
}

/** All colors of a business's pages, for light and dark mode. A background that is already dark stays in dark mode. */
export function themeOf({ primary_color, background_color }: Colors): Theme {
  const isDark = textOn(background_color) === white
  return {
    light: colorsOf(primary_color, background_color),
    dark: colorsOf(primary_color, isDark ? background_color : mix(background_color, '#0b0d10', 0.93)),
  }
}
