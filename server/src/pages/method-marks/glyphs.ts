/** Corners of a rounded rectangle are cubic curves that are practically circles. */
const roundness = 0.5523

/** A rounded rectangle as a path; `inwards` runs in the other direction, which cuts it out of what surrounds it. */
export function box(x: number, y: number, width: number, height: number, radius = 0, inwards = false): string {
  const [right, bottom] = [x + width, y + height]
  if (radius === 0) return inwards ? `M${x} ${y}V${bottom}H${right}V${y}Z` : `M${x} ${y}H${right}V${bottom}H${x}Z`
  const k = radius * (1 - roundness)
  const [left2, right2, top2, bottom2] = [x + radius, right - radius, y + radius, bottom - radius]
  if (inwards) {
    return (
      `M${left2} ${y}C${x + k} ${y} ${x} ${y + k} ${x} ${top2}V${bottom2}C${x} ${bottom - k} ${x + k} ${bottom} ${left2} ${bottom}` +
      `H${right2}C${right - k} ${bottom} ${right} ${bottom - k} ${right} ${bottom2}V${top2}C${right} ${y + k} ${right - k} ${y} ${right2} ${y}Z`
    )
  }
  return (
    `M${left2} ${y}H${right2}C${right - k} ${y} ${right} ${y + k} ${right} ${top2}V${bottom2}C${right} ${bottom - k} ${right - k} ${bottom} ${right2} ${bottom}` +
    `H${left2}C${x + k} ${bottom} ${x} ${bottom - k} ${x} ${bottom2}V${top2}C${x} ${y + k} ${x + k} ${y} ${left2} ${y}Z`
  )
}

const hole = (x: number, y: number, width: number, height: number, radius = 0) => box(x, y, width, height, radius, true)

/** Signs for payment methods, on a grid of 10 by 10; at a height of 24 px a unit is a pixel, so edges are on whole units. */
export const glyphs = {
  qr: [
    ...[
      [0, 0],
      [6, 0],
      [0, 6],
    ].map(([x = 0, y = 0]) => box(x, y, 4, 4, 0.5) + hole(x + 1, y + 1, 2, 2)),
    box(6, 6, 2, 2),
    box(8, 8, 2, 2),
    box(9, 5, 1, 2),
    box(5, 9, 2, 1),
  ].join(''),
  card: box(0, 1, 10, 8, 1.25) + hole(0, 3, 10, 2) + hole(1, 7, 3, 1),
  wallet: `${box(0, 1, 9, 9, 1.25)}${hole(1, 2, 6, 1)}${hole(6, 5, 3, 3)}${box(7, 5, 3, 3, 0.75)}`,
  bank: `M5 0L10 3V4H0V3Z${box(1, 5, 2, 3)}${box(4, 5, 2, 3)}${box(7, 5, 2, 3)}${box(0, 9, 10, 1)}`,
  phone: box(2, 0, 6, 10, 1.25) + hole(3, 1.5, 4, 5.5) + hole(4.25, 8, 1.5, 1, 0.5),
  later: `${box(0, 1, 10, 9, 1.25)}${hole(1, 4, 8, 5)}${box(2, 0, 1, 1)}${box(7, 0, 1, 1)}${box(2, 5, 2, 1)}${box(5, 5, 3, 1)}${box(2, 7, 3, 1)}`,
  terminal: `${box(1, 0, 8, 10, 1.25)}${hole(2, 1, 6, 3)}${[2, 4.5, 7].map((x) => hole(x, 5, 1, 1) + hole(x, 7, 1, 1)).join('')}`,
  cash: `${box(0, 2, 10, 6, 1)}${hole(3.25, 3.25, 3.5, 3.5, 1.75)}${hole(1, 4.25, 1, 1.5)}${hole(8, 4.25, 1, 1.5)}`,
} satisfies Record<string, string>

/** A payment method that has a sign. */
export type Glyph = keyof typeof glyphs
