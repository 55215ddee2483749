import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib'
import { ApiError } from '#foundation/shared/errors.ts'

/** Turns bytes into text; throws a 400 if they are not text in that charset. */
export type Decode = (bytes: Uint8Array) => string

const inflaters: ReadonlyMap<string, (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>> = new Map([
  ['gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<Buffer, ZlibOptions, Buffer>(inflate)],
  ['br', promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress)],
])

const shown = (text: string) => JSON.stringify(text.slice(0, 80))
const unsupported = (what: string) => new ApiError(415, 'unsupported_media_type', what)
export const tooLarge = () => new ApiError(413, 'body_too_large', 'The request body is larger than 1 MiB.')

/**
 * A body without its `Content-Encoding`: at most `limit` bytes, however few were sent. 415 for an encoding that is not supported,
 * 400 for bytes that are not in the declared one.
 */
export async function withoutContentEncoding(body: Buffer, header: string | undefined, limit: number): Promise<Buffer> {
  const encoding = (header ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return body
  const inflateBody = inflaters.get(encoding)
  if (!inflateBody) throw unsupported(`The content encoding ${shown(encoding)} is not supported; send the body as it is, or encoded with gzip, deflate or br.`)
  try {
    return await inflateBody(body, { maxOutputLength: limit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw new ApiError(400, 'malformed_body', `The request body is not encoded with ${encoding}, as its Content-Encoding says.`)
  }
}

/** The charset that a content type names, in lower case; undefined if it names none. */
export function charsetIn(contentType: string): string | undefined {
  const parameter = contentType
    .split(';')
    .slice(1)
    .find((part) => part.trim().toLowerCase().startsWith('charset='))
  return parameter
    ?.slice(parameter.indexOf('=') + 1)
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase()
}

/** What windows-1252 has where Latin-1 has control characters; Node.js 20 decodes both alike. */
const windows1252 = String.fromCharCode(
  ...[0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f],
  ...[0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178],
)

/** The decoder of a charset by any of its names in the WHATWG's list; UTF-8 by default. 415 for a charset that is not in it. */
export function decoderOf(charset = 'utf-8'): { charset: string; decode: Decode } {
  let decoder: InstanceType<typeof TextDecoder>
  try {
    // A byte order mark is kept: JSON has none, and a form's field would be called something else.
    decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
  } catch {
    throw unsupported(`The charset ${shown(charset)} is not supported; send the body in UTF-8.`)
  }
  const decode: Decode = (bytes) => {
    try {
      const text = decoder.decode(bytes)
      return decoder.encoding === 'windows-1252' ? text.replace(/[\u0080-\u009f]/g, (unit) => windows1252[unit.charCodeAt(0) - 0x80] as string) : text
    } catch {
      throw new ApiError(
        400,
        'malformed_body',
        `The request body is not valid ${decoder.encoding.toUpperCase()}; a body in another charset must declare it in its Content-Type.`,
      )
    }
  }
  return { charset: decoder.encoding, decode }
}

const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** The bytes of a form's text (one character for each byte): `+` is a space, `%E9` one byte, and a `%` without two digits is itself. */
function formBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const [high, low] = code === 37 ? [hexDigit(text.charCodeAt(i + 1)), hexDigit(text.charCodeAt(i + 2))] : [-1, -1]
    if (high >= 0 && low >= 0) {
      bytes[length++] = high * 16 + low
      i += 2
    } else bytes[length++] = code === 43 ? 32 : code
  }
  return bytes.subarray(0, length)
}

/** Decodes names and values of a form whose bytes are read as Latin-1. */
export function formDecoder({ charset, decode }: ReturnType<typeof decoderOf>): (text: string) => string {
  if (charset.startsWith('utf-16')) throw unsupported('A form cannot be in UTF-16; send it in UTF-8.')
  return (text) => (/^[\w.~*-]*$/.test(text) ? text : decode(formBytes(text)))
}
