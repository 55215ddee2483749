import { invalid } from '#foundation/shared/errors.ts'
import { pictureTypeOf, readPicture } from '#foundation/shared/picture.ts'
import { plainPng } from '#foundation/shared/png.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import type { CheckoutLogo } from './queries.ts'
import type { PutCheckoutLogo } from './wire.ts'

const mostKilobytes = 256
const mostPixels = 2048

/** The type that a client sends when it does not know the type of a file. */
const unsaid = new Set(['', 'application/octet-stream', 'text/plain'])

function bytesOf(data: string): Buffer | undefined {
  const base64 = data.replace(/^data:[\w/+.-]*;base64,/, '').replaceAll(/\s/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && base64.length % 4 !== 1 ? Buffer.from(base64, 'base64') : undefined
}

/** The logo in a body. Its type is determined by its bytes; throws 422 for anything that is not a picture, too large, or declared as another type. */
export function readLogo({ content_type, data }: PutCheckoutLogo): CheckoutLogo {
  const refuse = (text: string, field = 'data') => invalid({ [field]: [text] }, 'bad_logo')
  const bytes = bytesOf(data)
  if (!bytes) throw refuse('The data must be base64.')
  if (bytes.length > mostKilobytes * 1024) throw refuse(`The data may not be greater than ${mostKilobytes} kilobytes.`)
  if (!pictureTypeOf(bytes)) throw refuse('The data must be a PNG, JPEG or WebP picture.')
  const picture = readPicture(bytes)
  if (!picture) throw refuse('The data is not a complete picture: it is damaged, truncated, or followed by other data.')
  const { contentType, width, height } = picture
  if (width > mostPixels || height > mostPixels) throw refuse(`The data has ${width} × ${height} pixels; at most ${mostPixels} × ${mostPixels} are allowed.`)
  // Others decode it, browsers and PDF libraries: it must be exactly as large as it says.
  if (contentType === 'image/png' && !plainPng(bytes)) throw refuse('The data is not a complete picture: its compressed content is damaged.')
  const called = (content_type ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!unsaid.has(called) && called.replace('image/jpg', 'image/jpeg') !== contentType)
    throw refuse(`The content type must be ${contentType}, the type of the data.`, 'content_type')
  return { content_type: contentType, sha256: sha256(bytes), width, height, data: bytes }
}
