import { type ThemeColors, textOn, themeOf, white } from '#foundation/shared/color.ts'
import type { CheckoutSettings } from '#resources/business/checkout-settings/queries.ts'

// What the browser draws by itself (radio buttons, scroll bars) follows the background, not the mode.
const schemeOf = (colors: ThemeColors) => (textOn(colors['--background']) === white ? 'dark' : 'light')

const properties = (colors: ThemeColors): string =>
  Object.entries({ 'color-scheme': schemeOf(colors), ...colors })
    .map(([name, value]) => `${name}:${value}`)
    .join(';')

/** A merchant's colors as a style sheet: custom properties for light and dark mode. */
export function themeSheet(settings: CheckoutSettings): string {
  const { light, dark } = themeOf(settings)
  return `:root{${properties(light)}}\n@media (prefers-color-scheme:dark){:root{${properties(dark)}}}\n`
}
