import { createHash } from 'node:crypto'
import type { Api, PageAnswer } from '#foundation/http/api.ts'
import { isKnown } from '#foundation/http/etag.ts'
import { packedFile } from '#foundation/http/packed-file.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { drawMark, toSvg } from './draw-mark.ts'
import { marks } from './marks.ts'
import { toPng } from './rasterise.ts'

interface Picture {
  type: string
  /** PNGs are compressed in themselves. */
  content: ReturnType<typeof packedFile>
  isPacked: boolean
  etag: string
}

const svg = (form: 'wide' | 'square') => ({ form, ending: '.svg', height: null })
const png = (form: 'wide' | 'square', height: number) => ({ form, ending: '.png', height })

/** The folders that responses link to (`resources/charges/payment-method.ts`); heights of PNGs are in pixels. */
const folders = new Map<string, ReturnType<typeof svg> | ReturnType<typeof png>>([
  ['sm', png('wide', 24)],
  ['md', png('wide', 48)],
  ['lg', png('wide', 96)],
  ['png_square', png('square', 96)],
  ['svg', svg('wide')],
  ['svg_square', svg('square')],
])

function drawPicture(folder: string, file: string): Picture | undefined {
  const size = folders.get(folder)
  const mark = size && file.endsWith(size.ending) ? marks.get(file.slice(0, -size.ending.length)) : undefined
  if (!size || !mark) return undefined
  const drawing = drawMark(mark, size.form)
  const content = size.height === null ? toSvg(drawing) : toPng(drawing, size.height)
  const type = size.height === null ? 'image/svg+xml' : 'image/png'
  return {
    type,
    content: packedFile(() => content),
    isPacked: size.height === null,
    etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
  }
}

/** Pictures of payment methods and card brands, drawn on first request. No key, no file, no database. */
export function methodMarkRoutes(api: Api): void {
  const drawn = new Map<string, Picture>()
  const notFound = async (): Promise<PageAnswer> => {
    throw new ApiError(404, 'route_not_found', 'Not Found')
  }
  api.page('/icons/methods/:folder/:file', { notFound }, async ({ params: { folder, file }, headers: sent }) => {
    const name = `${folder}/${file}`
    const picture = drawn.get(name) ?? drawPicture(folder, file)
    if (!picture) return undefined
    drawn.set(name, picture)
    const { body, coding, headers: packing } = await picture.content(picture.isPacked ? sent['accept-encoding'] : undefined)
    // Each encoding has bytes, and so a tag, of its own.
    const etag = coding === 'identity' ? picture.etag : picture.etag.replace(/"$/, `-${coding}"`)
    const headers = {
      ...packing,
      'cache-control': 'public, max-age=86400, immutable',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      // A merchant's own page shows the pictures that our responses link to.
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      etag,
    }
    if (isKnown(sent['if-none-match'], etag)) return { status: 304, headers }
    return { status: 200, headers: { ...headers, 'content-type': picture.type }, body }
  })
}
