import { pngMark, pngSize } from './png.ts'

export type PictureType = 'image/png' | 'image/jpeg' | 'image/webp'

/** What the bytes of a picture reveal about it. */
export interface Picture {
  contentType: PictureType
  width: number
  height: number
}

/** The type that the first bytes indicate; says nothing about the rest. */
export function pictureTypeOf(bytes: Buffer): PictureType | undefined {
  if (bytes.subarray(0, 8).equals(pngMark)) return 'image/png'
  if (bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xffd8ff) return 'image/jpeg'
  if (bytes.length >= 12 && bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return 'image/webp'
  return undefined
}

/**
 * Reads a PNG, JPEG or WebP from its first byte to its last without decoding it. Undefined when it is another type, stops
 * too early, or has data after its end: a file that is two things at the same time is not accepted as a picture.
 */
export function readPicture(bytes: Buffer): Picture | undefined {
  const contentType = pictureTypeOf(bytes)
  if (!contentType) return undefined
  try {
    const size = contentType === 'image/png' ? pngSize(bytes) : contentType === 'image/jpeg' ? readJpeg(bytes) : readWebp(bytes)
    return size && size.width > 0 && size.height > 0 ? { contentType, ...size } : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined // read past the end
    throw error
  }
}

interface Size {
  width: number
  height: number
}

/** Markers that begin a frame; the others from C0 to CF are tables. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** Segments of marker and length, the size in the frame's; after the head of a scan come its bytes, until the next marker. */
function readJpeg(bytes: Buffer): Size | undefined {
  let size: Size | undefined
  let hasScan = false
  for (let at = 2; ; ) {
    if (bytes.readUInt8(at) !== 0xff) return undefined
    const marker = bytes.readUInt8(at + 1)
    if (marker === 0xff) {
      at += 1 // filling
      continue
    }
    if (marker === 0xd9) return hasScan && at + 2 === bytes.length ? size : undefined
    const length = bytes.readUInt16BE(at + 2)
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd8) || length < 2) return undefined
    if (isFrame(marker)) {
      if (size) return undefined
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
    }
    at += 2 + length
    if (marker !== 0xda) continue
    if (!size) return undefined
    hasScan = true
    // In a scan, FF is followed by 00, or by a restart mark (D0 to D7); anything else is the next marker.
    while (bytes.readUInt8(at) !== 0xff || bytes.readUInt8(at + 1) === 0 || (bytes.readUInt8(at + 1) >= 0xd0 && bytes.readUInt8(at + 1) <= 0xd7)) at += 1
  }
}

/** RIFF chunks of type, length and data, padded to an even length; the size is in the first, whichever of three it is. */
function readWebp(bytes: Buffer): Size | undefined {
  if (bytes.readUInt32LE(4) + 8 !== bytes.length) return undefined
  const size = webpSize(bytes)
  let hasData = false
  for (let at = 12; at < bytes.length; ) {
    const type = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    if (type === 'VP8 ' || type === 'VP8L' || type === 'ANMF') hasData = true
    at += 8 + length + (length % 2)
    if (at > bytes.length) return undefined
  }
  return hasData ? size : undefined
}

function webpSize(bytes: Buffer): Size | undefined {
  const at = 20
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      if (bytes.readUIntBE(at + 3, 3) !== 0x9d012a) return undefined
      return { width: bytes.readUInt16LE(at + 6) & 0x3fff, height: bytes.readUInt16LE(at + 8) & 0x3fff }
    case 'VP8L': {
      if (bytes.readUInt8(at) !== 0x2f) return undefined
      const packed = bytes.readUInt32LE(at + 1)
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(at + 4, 3) + 1, height: bytes.readUIntLE(at + 7, 3) + 1 }
    default:
      return undefined
  }
}
