import type { IncomingMessage } from 'node:http'
import { Busboy } from '@fastify/busboy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import qs from 'qs'
import { ApiError } from '#foundation/shared/errors.ts'
import { charsetIn, decoderOf, formDecoder, withoutContentEncoding } from './body-encoding.ts'

/** Maximum nesting of a body; deeper ones are rejected before anything traverses them. */
const maxDepth = 16
const maxFields = 1000
/** Names in a JSON body, at all levels: the largest that has a use is a payment request with 500 line items. */
const maxNames = 10_000
/** Bytes of a body, as sent and as decoded. */
export const maxBody = 1_048_576

const malformed = (kind: string) => new ApiError(400, 'malformed_body', `The request body is not valid ${kind}.`)
const tooDeep = () => new ApiError(400, 'body_too_deep', `The request body is nested more than ${maxDepth} levels deep.`)
const tooManyNames = () => new ApiError(400, 'malformed_body', `The request body has more than ${maxNames} names.`)
const tooManyFields = () => new ApiError(400, 'malformed_body', `The form has more than ${maxFields} fields.`)
const tooManyFiles = () => new ApiError(400, 'malformed_body', 'The form has more than one file.')
const notAnObject = () => new ApiError(400, 'malformed_body', 'The request body must be an object.')

/** Why JSON text is more than is parsed, by its depth or its number of names; reads it outside strings, without building anything. */
function excessOf(text: string): ApiError | undefined {
  let depth = 0
  let names = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 92) i += 1
      else if (code === 34) inString = false
    } else if (code === 34) inString = true
    else if (code === 123 || code === 91) {
      depth += 1
      if (depth > maxDepth) return tooDeep()
    } else if (code === 125 || code === 93) depth -= 1
    else if (code === 58) {
      names += 1
      if (names > maxNames) return tooManyNames()
    }
  }
  return undefined
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  const excess = text.length > 2 * maxDepth ? excessOf(text) : undefined
  if (excess) throw excess
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject()
  return value
}

/** qs drops this name wherever it is; with a NUL it reaches the schema, which says that no map may have it (`spellings.ts`). */
const keepingPrototypes = (name: string) => (name.includes('__proto__') ? name.replace(/(?<=^|\[)__proto__(?=$|\[|\])/g, '__proto__\0') : name)

/** A form-encoded body or query: `a[b]=1`, `a[]=1`, `a[0]=1` and repeated keys, as PHP reads them. `decode` is of names and values. */
export function parseForm(text: string, decode?: (text: string) => string): Record<string, unknown> {
  try {
    return qs.parse(text, {
      depth: maxDepth,
      strictDepth: true,
      parameterLimit: maxFields,
      throwOnLimitExceeded: true,
      arrayLimit: maxFields,
      // Objects without a prototype, so that `metadata[constructor]` is a name like any other.
      plainObjects: true,
      ignoreQueryPrefix: true,
      decoder: (part, decodeLeniently, _charset, type) => {
        const decoded = decode ? decode(part) : decodeLeniently(part)
        return type === 'key' ? keepingPrototypes(decoded) : decoded
      },
    }) as Record<string, unknown>
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (error instanceof RangeError && /depth/i.test(error.message)) throw tooDeep()
    throw tooManyFields()
  }
}

/** Queries that could not be parsed. The router parses a query where an error would end the process, so it is rejected later. */
export const malformedQueries = new WeakSet<object>()
export const malformedQuery = () =>
  new ApiError(400, 'malformed_query', `The query has more than ${maxFields} fields, or is nested more than ${maxDepth} levels deep.`)

/** As `parseForm`, but never throws: what cannot be parsed is an empty query that is in `malformedQueries`. */
export function parseQuery(text: string): Record<string, unknown> {
  if (text === '') return {}
  try {
    return parseForm(text)
  } catch {
    const nothing = {}
    malformedQueries.add(nothing)
    return nothing
  }
}

const replacement = Buffer.from('\ufffd')

/** Whether a text of a body contains the character that replaces what is no UTF-8, in a body that was sent without it. */
function replacementsIn(body: Buffer): (text: string) => boolean {
  let wasSent: boolean | undefined
  return (text) => {
    if (!text.includes('\ufffd')) return false
    wasSent ??= body.includes(replacement)
    return !wasSent
  }
}

/** 415 for a part of a multipart body in a charset that is neither UTF-8 nor Latin-1: the parser would store it as something else. */
function requireReadableParts(body: Buffer): void {
  for (const [, charset = ''] of body.toString('latin1').matchAll(/^content-type:[^\r\n]{0,200}?charset="?([\w:.+-]{1,64})/gim)) {
    if (!['utf-8', 'windows-1252'].includes(decoderOf(charset).charset))
      throw new ApiError(415, 'unsupported_media_type', `The charset ${JSON.stringify(charset)} is not supported in a part of a form; send it in UTF-8.`)
  }
}

function parseMultipart(request: FastifyRequest, body: Buffer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const pairs: string[] = []
    const files: { content_type: string; data: string }[] = []
    const { takesFile } = request.routeOptions.config
    let parser: ReturnType<typeof Busboy>
    requireReadableParts(body)
    try {
      parser = Busboy({ headers: request.headers as { 'content-type': string }, limits: { fields: maxFields, fieldSize: maxBody, files: 20 } })
    } catch {
      reject(malformed('multipart/form-data'))
      return
    }
    const isDamaged = replacementsIn(body)
    parser.on('field', (name, value) => {
      if (isDamaged(name) || isDamaged(value)) return reject(malformed('UTF-8'))
      pairs.push(`${encodeURIComponent(name).replaceAll('%5B', '[').replaceAll('%5D', ']')}=${encodeURIComponent(value)}`)
    })
    parser.on('file', (_name, stream, _filename, _encoding, content_type) => {
      // Of a body that ends inside the file. Without a listener, the error would end the process.
      stream.on('error', () => reject(malformed('multipart/form-data')))
      if (!takesFile) return stream.resume()
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => files.push({ content_type, data: Buffer.concat(parts).toString('base64') }))
    })
    parser.on('fieldsLimit', () => reject(tooManyFields()))
    parser.on('error', () => reject(malformed('multipart/form-data')))
    parser.on('finish', () => {
      try {
        if (files.length > 1) throw tooManyFiles()
        resolve({ ...parseForm(pairs.join('&')), ...files[0] })
      } catch (error) {
        reject(error)
      }
    })
    parser.end(body)
  })
}

/** Routes whose signature is over the raw bytes get those. */
const wantsRaw = (request: FastifyRequest) => request.routeOptions.config.rawBody === true

const ignoresBody = (request: FastifyRequest) => request.method === 'GET' || request.method === 'HEAD' || request.method === 'DELETE'

type Parse = (request: FastifyRequest, body: Buffer, charset: string | undefined) => unknown

const parseJsonBody: Parse = (_request, body, charset) => parseJson(decoderOf(charset).decode(body))
const parseFormBody: Parse = (_request, body, charset) => parseForm(body.toString('latin1'), formDecoder(decoderOf(charset)))

/**
 * Parses JSON, form-encoded and multipart bodies on every write, in the charset and the encoding that they declare. Bodies on GET and
 * DELETE, which some clients send, are read and ignored. Anything else is a 4xx in JSON: malformed 400, unknown type, charset or
 * encoding 415, too large 413.
 */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const kinds: [string | RegExp, Parse][] = [
    ['application/json', parseJsonBody],
    [/^application\/[a-z0-9.+-]+\+json/i, parseJsonBody],
    ['application/x-www-form-urlencoded', parseFormBody],
    [/^multipart\/form-data/i, parseMultipart],
  ]
  for (const [type, parse] of kinds) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
      if (ignoresBody(request)) return undefined
      const decoded = await withoutContentEncoding(body, request.headers['content-encoding'], maxBody)
      return wantsRaw(request) ? decoded : parse(request, decoded, charsetIn(request.headers['content-type'] ?? ''))
    })
  }
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done: (error: Error | null, body?: unknown) => void) => {
    if (ignoresBody(request)) {
      payload.resume()
      payload.once('end', () => done(null, undefined))
      return
    }
    const type = request.headers['content-type'] ?? ''
    payload.resume()
    if (type === '' && request.headers['content-length'] === '0') return done(null, {})
    done(
      new ApiError(
        415,
        'unsupported_media_type',
        `The content type ${type === '' ? 'is missing' : `${JSON.stringify(type.slice(0, 80))} is not supported`}; send application/json, application/x-www-form-urlencoded or multipart/form-data.`,
      ),
    )
  })
}

/**
 * What Laravel does to input before validating it: texts are trimmed, and an empty text is null. So a form can clear a
 * field (`remark=`), and blanks around an email address do no harm.
 */
export function tidyInput(value: unknown): unknown {
  if (typeof value === 'string') {
    const text = value.trim()
    return text === '' ? null : text
  }
  if (Array.isArray(value)) return value.map(tidyInput)
  if (typeof value === 'object' && value !== null) {
    const tidy: Record<string, unknown> = {}
    for (const [key, untidy] of Object.entries(value)) {
      const inner = tidyInput(untidy)
      // An assignment would set the prototype. A name like any other so far: what has no such field says so.
      if (key === '__proto__') Object.defineProperty(tidy, key, { value: inner, enumerable: true, writable: true, configurable: true })
      else tidy[key] = inner
    }
    return tidy
  }
  return value
}
