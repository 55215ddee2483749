import { gzipSync } from 'node:zlib'
import fc, { type Arbitrary } from 'fast-check'
import { type FuzzSchema, hostileText, valuesFor } from './values.ts'

export interface FuzzOperation {
  method: string
  /** With its parameters in braces, as in openapi.json. */
  path: string
  parameters: readonly { name: string; in: string; schema: FuzzSchema }[]
  body: FuzzSchema | undefined
  /** A body that is accepted. */
  sample: object | undefined
}

/** One request, as it is written to a socket. */
export interface Shot {
  /** The operation that it is about, such as `POST /v1/customers`; for reports. */
  about: string
  method: string
  target: string
  headers: readonly (readonly [name: string, value: string])[]
  body: Buffer
  /** How the body is announced: by its length, in chunks, or wrongly. */
  framing: 'length' | 'chunks' | 'none' | 'too long' | 'too short' | 'both'
  /** The bytes of the request after which the connection ends; undefined means that it waits for the response. */
  cutAt: number | undefined
}

/** What a path parameter may be, besides anything else: ids of the caller and of another business. */
export type KnownIds = ReadonlyMap<string, readonly string[]>

/** Without halves of surrogate pairs, which no URL can hold. */
const wellFormed = (text: string) => Buffer.from(text).toString()
const encoded = (text: string) => encodeURIComponent(wellFormed(text))

/** What is sent as a query or as a form: names and values, nested ones with brackets as PHP and qs write them. */
function pairsOf(value: unknown, name: string, depth = 0): [string, string][] {
  if (depth > 20) return [[name, '1']]
  if (Array.isArray(value)) return value.slice(0, 300).flatMap((one, i) => pairsOf(one, `${name}[${i % 3 === 0 ? '' : i}]`, depth + 1))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, one]) => pairsOf(one, name === '' ? key : `${name}[${key}]`, depth + 1))
  return [[name, value === null ? '' : String(value)]]
}

const formOf = (value: unknown) =>
  pairsOf(value, '')
    .map(([name, text]) => `${encoded(name)}=${encoded(text)}`)
    .join('&')

const boundary = 'b7x'
const partsOf = (value: unknown) =>
  Buffer.from(
    `${pairsOf(value, '')
      .map(([name, text]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name.replaceAll(/["\r\n]/g, '_')}"\r\n\r\n${text}\r\n`)
      .join('')}--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n--${boundary}--\r\n`,
  )

const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=iso-8859-1',
  'application/json; charset=nonsense',
  'application/x-www-form-urlencoded',
  `multipart/form-data; boundary=${boundary}`,
  'multipart/form-data',
  'multipart/form-data; boundary=other',
  'text/plain',
  'application/xml',
  'application/vnd.api+json',
  'json',
  '',
]

interface Written {
  type: string | undefined
  body: Buffer
  encoding?: string
}

/** A body in one of the ways in which clients write it, or in a way in which none should. */
function written(value: unknown): Arbitrary<Written> {
  const json = JSON.stringify(value) ?? ''
  const any = fc.record({
    type: fc.option(fc.constantFrom(...types), { nil: undefined }),
    body: fc.constantFrom(Buffer.from(json), Buffer.from(json, 'latin1'), Buffer.from(json, 'utf16le'), Buffer.from(formOf(value)), partsOf(value)),
  })
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({ type: 'application/json', body: Buffer.from(json) }) },
    { weight: 4, arbitrary: fc.constant({ type: 'application/x-www-form-urlencoded', body: Buffer.from(formOf(value)) }) },
    { weight: 2, arbitrary: fc.constant({ type: `multipart/form-data; boundary=${boundary}`, body: partsOf(value) }) },
    { weight: 2, arbitrary: any },
    { weight: 1, arbitrary: fc.constant({ type: 'application/json', body: gzipSync(json), encoding: 'gzip' }) },
    { weight: 1, arbitrary: fc.constant({ type: 'application/json', body: Buffer.from(json), encoding: 'gzip' }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => ({ type: 'application/json', body: Buffer.from(bytes) })) },
    { weight: 1, arbitrary: fc.nat(Math.max(0, json.length - 1)).map((at) => ({ type: 'application/json', body: Buffer.from(json.slice(0, at)) })) },
  )
}

const headerText = hostileText.map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').slice(0, 4_000))

/** Headers that a program may read, with right and wrong values. */
const moreHeaders: Arbitrary<[string, string][]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom(
        'accept',
        'accept-language',
        'accept-encoding',
        'idempotency-key',
        'if-match',
        'if-none-match',
        'range',
        'origin',
        'x-request-id',
        'cookie',
        'content-type',
        'x-forwarded-for',
        'x-forwarded-proto',
        'expect',
        'te',
        'upgrade',
      ),
      headerText,
    ),
    fc.constantFrom<[string, string]>(
      ['accept', 'text/html'],
      ['accept', 'application/pdf'],
      ['accept', 'text/csv'],
      ['accept-language', 'constructor'],
      ['accept-language', 'th;q=0.9, en;q=x'],
      ['x-http-method-override', 'DELETE'],
      ['idempotency-key', 'one'],
      ['if-match', '"x"'],
      ['if-match', '*'],
      ['host', 'evil.example:1'],
      ['x-forwarded-host', 'evil.example'],
    ),
  ),
  { maxLength: 3 },
)

export interface Callers {
  key: string
  /** Keys that are not valid, or another business's. */
  others: readonly string[]
}

type ValueFor = ReturnType<typeof valuesFor>

function pathOf({ path }: FuzzOperation, ids: KnownIds): Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const choices = names.map((name) => {
    const known = ids.get(name) ?? []
    const any = hostileText.map((text) => encoded(text).slice(0, 3_000))
    return fc.oneof(...(known.length > 0 ? [{ weight: 8, arbitrary: fc.constantFrom(...known) }] : []), { weight: 1, arbitrary: any })
  })
  return fc.tuple(...choices).map((values) => path.replaceAll(/\{\w+\}/g, () => values.shift() ?? ''))
}

function queryOf({ parameters }: FuzzOperation, valueFor: ValueFor): Arbitrary<string> {
  const named = parameters.filter(({ in: where }) => where === 'query')
  const some = fc.record(Object.fromEntries(named.map(({ name, schema }) => [name, valueFor(schema)])), { requiredKeys: [] })
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    { weight: 4, arbitrary: some.map((value) => formOf(value).slice(0, 12_000)) },
    { weight: 1, arbitrary: fc.tuple(hostileText, hostileText).map(([name, text]) => `${encoded(name)}=${encoded(text)}`.slice(0, 12_000)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'a[b][c]=1&a[b]=2&a=3',
        '%=%',
        '&&&==',
        '[]=1',
        'page=1&page=2&page[]=3',
        'cursor=AAAA',
        'cursor=%00',
        'lang=constructor',
        '__proto__[x]=1',
      ),
    },
  )
}

function bodyOf({ body, sample }: FuzzOperation, valueFor: ValueFor): Arbitrary<Written> {
  if (!body)
    return fc.oneof(
      { weight: 6, arbitrary: fc.constant<Written>({ type: undefined, body: Buffer.alloc(0) }) },
      { weight: 1, arbitrary: fc.constant({}).chain(written) },
    )
  const made = valueFor(body)
  // Most of a body is right, so that the rest is looked at.
  const changed = fc.tuple(made, fc.array(fc.nat(), { minLength: 1, maxLength: 2 })).map(([value, places]) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const entries = Object.entries(value)
    return {
      ...sample,
      ...Object.fromEntries(places.flatMap((place) => (entries.length === 0 ? [] : [entries[place % entries.length] as [string, unknown]]))),
    }
  })
  return fc
    .oneof({ weight: 3, arbitrary: fc.constant<unknown>(sample ?? {}) }, { weight: 4, arbitrary: changed }, { weight: 2, arbitrary: made })
    .chain(written)
}

/** Requests to the given operations, seldom to other paths. */
export function shots(
  operations: readonly FuzzOperation[],
  ids: KnownIds,
  schemas: ReadonlyMap<string, FuzzSchema>,
  { key, others }: Callers,
): Arbitrary<Shot> {
  const valueFor = valuesFor(schemas)

  const whole = operations.map((operation) =>
    fc
      .record({
        path: pathOf(operation, ids),
        query: queryOf(operation, valueFor),
        content: bodyOf(operation, valueFor),
        key: fc.oneof({ weight: 20, arbitrary: fc.constant(key) }, { weight: 1, arbitrary: fc.constantFrom('', ...others) }),
        headers: moreHeaders,
        method: fc.oneof(
          { weight: 20, arbitrary: fc.constant(operation.method) },
          { weight: 1, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND') },
        ),
        framing: fc.oneof(
          { weight: 14, arbitrary: fc.constant('length' as const) },
          { weight: 2, arbitrary: fc.constant('chunks' as const) },
          { weight: 1, arbitrary: fc.constantFrom('none' as const, 'too long' as const, 'too short' as const, 'both' as const) },
        ),
        cutAt: fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(600) }),
      })
      .map(
        ({ path, query, content: { type, body, encoding }, key: sent, headers, method, framing, cutAt }): Shot => ({
          about: `${operation.method} ${operation.path}`,
          method,
          target: query === '' ? path : `${path}?${query}`,
          headers: [
            ...(sent === '' ? [] : [['x-business-api-key', sent] as const]),
            ...(type === undefined ? [] : [['content-type', type] as const]),
            ...(encoding === undefined ? [] : [['content-encoding', encoding] as const]),
            ...headers,
          ],
          body,
          framing,
          cutAt,
        }),
      ),
  )
  const elsewhere = fc.record({ target: hostileText, method: fc.constantFrom('GET', 'POST', 'DELETE') }).map(
    ({ target, method }): Shot => ({
      about: 'another path',
      method,
      target: `/${encodeURI(wellFormed(target)).slice(0, 8_000)}`,
      headers: [['x-business-api-key', key]],
      body: Buffer.alloc(0),
      framing: 'length',
      cutAt: undefined,
    }),
  )
  return fc.oneof({ weight: 40, arbitrary: fc.oneof(...whole) }, { weight: 1, arbitrary: elsewhere })
}
