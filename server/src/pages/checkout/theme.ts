import { themeOf } from '../../foundation/shared/color.ts'
import type { CheckoutSettings } from '../../resources/checkout-settings/queries.ts'

const properties = (colors: object): string =>
  Object.entries(colors)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')

/** A merchant's colours as a style sheet: custom properties for light and dark. */
export function themeSheet(settings: CheckoutSettings): string {
  const { light, dark } = themeOf(settings)
  return `:root{${properties(light)}}\n@media (prefers-color-scheme:dark){:root{${properties(dark)}}}\n`
}
