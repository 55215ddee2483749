import { crc32, inflateSync } from 'node:zlib'

/** The first bytes of every PNG. */
export const pngMark = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

interface Chunk {
  type: string
  /** With its length, type and checksum. */
  whole: Buffer
  data: Buffer
}

/** The chunks of a PNG from its first byte to its last; undefined if it is damaged or has data after its end. Throws a RangeError if it ends too early. */
function chunksOf(bytes: Buffer): Chunk[] | undefined {
  const chunks: Chunk[] = []
  for (let at = pngMark.length; ; ) {
    const end = at + 8 + bytes.readUInt32BE(at)
    if (bytes.readUInt32BE(end) !== crc32(bytes.subarray(at + 4, end))) return undefined
    const type = bytes.toString('latin1', at + 4, at + 8)
    chunks.push({ type, whole: bytes.subarray(at, end + 4), data: bytes.subarray(at + 8, end) })
    at = end + 4
    if (type === 'IEND') return at === bytes.length ? chunks : undefined
  }
}

/** Samples of a pixel and the bits that each may have, by color type (PNG §11.2.1). */
const colorTypes: Record<number, { samples: number; bits: number[] }> = {
  0: { samples: 1, bits: [1, 2, 4, 8, 16] },
  2: { samples: 3, bits: [8, 16] },
  3: { samples: 1, bits: [1, 2, 4, 8] },
  4: { samples: 2, bits: [8, 16] },
  6: { samples: 4, bits: [8, 16] },
}

/** The seven passes of an interlaced picture (PNG §8.2): where each starts and how far its pixels are apart. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** The head of a complete PNG: every chunk matches its checksum, the first is its size, the last its end, with data in between. */
function openPng(bytes: Buffer): { chunks: Chunk[]; head: Chunk } | undefined {
  const chunks = chunksOf(bytes)
  const [head, ...others] = chunks ?? []
  if (!chunks || head?.type !== 'IHDR' || head.data.length !== 13 || others.some(({ type }) => type === 'IHDR')) return undefined
  return others.some(({ type }) => type === 'IDAT') && others.at(-1)?.data.length === 0 ? { chunks, head } : undefined
}

/** The size of a complete PNG according to its head; its data is not inspected. Throws a RangeError if it ends too early. */
export function pngSize(bytes: Buffer): { width: number; height: number } | undefined {
  const head = openPng(bytes)?.head.data
  return head && { width: head.readUInt32BE(0), height: head.readUInt32BE(4) }
}

/**
 * The same picture with nothing but what draws it: no text, no animation, no data in pieces. Its data is unpacked, to at most
 * the size in its head, and checked; undefined for anything that is not exactly a picture of that size. Libraries that decode PNGs
 * unpack whatever they get, and crash the process on what they cannot read.
 */
export function plainPng(bytes: Buffer): Buffer | undefined {
  const { chunks, head } = openPng(bytes) ?? {}
  if (!chunks || !head) return undefined
  const [width, height] = [head.data.readUInt32BE(0), head.data.readUInt32BE(4)]
  const [bits = 0, type = 0, compression, filter, interlace = 0] = head.data.subarray(8)
  const color = colorTypes[type]
  if (!color?.bits.includes(bits) || compression !== 0 || filter !== 0 || interlace > 1) return undefined
  const kept = type === 3 ? paletteOf(chunks) : []
  const packed = Buffer.concat(chunks.filter((chunk) => chunk.type === 'IDAT').map(({ data }) => data))
  if (!kept || !isFilled(packed, rowsOf(width, height, bits * color.samples, interlace === 1))) return undefined
  return Buffer.concat([pngMark, head.whole, ...kept, chunkOf('IDAT', packed), chunkOf('IEND', Buffer.alloc(0))])
}

/** The palette and how transparent its colors are; undefined if there is none or it does not fit. */
function paletteOf(chunks: Chunk[]): Buffer[] | undefined {
  const [palette, ...more] = chunks.filter(({ type }) => type === 'PLTE')
  const [transparency, ...others] = chunks.filter(({ type }) => type === 'tRNS')
  const colors = (palette?.data.length ?? 0) / 3
  if (!palette || more.length + others.length > 0 || !Number.isInteger(colors) || colors < 1 || colors > 256) return undefined
  if ((transparency?.data.length ?? 0) > colors) return undefined
  return [palette.whole, ...(transparency ? [transparency.whole] : [])]
}

interface Rows {
  count: number
  /** Bytes of a row, including the leading one that says how it is filtered. */
  length: number
}

function rowsOf(width: number, height: number, bitsOfPixel: number, isInterlaced: boolean): Rows[] {
  const rowsFor = (columns: number, count: number): Rows => ({ count, length: 1 + Math.ceil((columns * bitsOfPixel) / 8) })
  if (!isInterlaced) return [rowsFor(width, height)]
  return passes
    .map(([x, y, right, down]) => ({ columns: Math.ceil((width - x) / right), count: Math.ceil((height - y) / down) }))
    .filter(({ columns, count }) => columns > 0 && count > 0)
    .map(({ columns, count }) => rowsFor(columns, count))
}

/** Whether packed data is exactly the rows it should be, each with an existing filter. */
function isFilled(packed: Buffer, rows: Rows[]): boolean {
  const size = rows.reduce((sum, { count, length }) => sum + count * length, 0)
  let data: Buffer
  try {
    data = inflateSync(packed, { maxOutputLength: size })
  } catch {
    return false
  }
  if (data.length !== size) return false
  let at = 0
  for (const { count, length } of rows) {
    for (let row = 0; row < count; row += 1, at += length) if ((data[at] ?? 5) > 4) return false
  }
  return true
}

/** A chunk as it is written in a file. */
export function chunkOf(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
