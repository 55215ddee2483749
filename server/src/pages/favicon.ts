import type { Api, PageAnswer } from '#foundation/http/api.ts'
import { drawMark, toSvg } from './method-marks/draw-mark.ts'
import { toPng } from './method-marks/rasterise.ts'

const drawing = drawMark({ lines: ['H'], colour: 'blue', glyph: null }, 'square')
const side = 48

/** A PNG as an icon file: browsers ask for `/favicon.ico` where a page names no icon, such as beside JSON. */
function toIcon(png: Buffer): Buffer {
  const head = Buffer.alloc(22)
  // One image, of `side` pixels, 32 bits each, behind this header.
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(1, 4)
  head.writeUInt8(side, 6)
  head.writeUInt8(side, 7)
  head.writeUInt16LE(1, 10)
  head.writeUInt16LE(32, 12)
  head.writeUInt32LE(png.length, 14)
  head.writeUInt32LE(head.length, 18)
  return Buffer.concat([head, png])
}

/** The icon of every page. */
export function faviconRoutes(api: Api): void {
  const answer = (type: string, body: string | Buffer): PageAnswer => ({
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public, max-age=86400' },
    body,
  })
  const [svg, icon] = [toSvg(drawing), toIcon(toPng(drawing, side))]
  api.page('/favicon.svg', {}, async () => answer('image/svg+xml', svg))
  api.page('/favicon.ico', {}, async () => answer('image/x-icon', icon))
}
