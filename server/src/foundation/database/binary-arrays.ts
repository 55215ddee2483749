import { type RawBuilder, sql } from 'kysely'

/** Element types that `arraySql` sends, with their PostgreSQL object ids, which never change. */
const objectIds = { bool: 16, int2: 21, int4: 23, int8: 20, json: 114, jsonb: 3802, text: 25, timestamptz: 1184, uuid: 2950 } as const
export type ElementType = keyof typeof objectIds

/** Dimensions, a flag for nulls, and the element's type; then length and lower bound of the one dimension. */
const headerBytes = 20
const emptyHeaderBytes = 12
/** PostgreSQL counts microseconds from 2000-01-01. */
const epochMs = 946_684_800_000

/** The value of each hexadecimal digit by its character code; every other character has `noDigit`. */
const noDigit = 0x100
const digits = new Uint16Array(128).fill(noDigit)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  digits[digit.charCodeAt(0)] = value
  digits[digit.toUpperCase().charCodeAt(0)] = value
}

function writeUuid(buffer: Buffer, value: string, at: number): number {
  let to = at
  let seen = value.length === 36 ? 0 : noDigit
  for (let from = 0; from < 36; from += 2) {
    if (from === 8 || from === 13 || from === 18 || from === 23) {
      if (value.charCodeAt(from) !== 45) seen = noDigit
      from += 1
    }
    const byte = ((digits[value.charCodeAt(from)] ?? noDigit) << 4) | (digits[value.charCodeAt(from + 1)] ?? noDigit)
    seen |= byte
    buffer[to++] = byte
  }
  if (seen >= noDigit) throw new TypeError('An element of a uuid array is no UUID.')
  return 16
}

/** Writes a value and returns how many bytes it wrote. */
type Write = (buffer: Buffer, value: never, at: number) => number

const writeText = (buffer: Buffer, value: string, at: number): number => buffer.write(value, at)

const writers: Record<ElementType, Write> = {
  bool: (buffer, value: boolean, at) => buffer.writeUInt8(value ? 1 : 0, at) - at,
  int2: (buffer, value: number, at) => buffer.writeInt16BE(value, at) - at,
  int4: (buffer, value: number, at) => buffer.writeInt32BE(value, at) - at,
  int8: (buffer, value: bigint, at) => buffer.writeBigInt64BE(value, at) - at,
  timestamptz: (buffer, value: Date, at) => buffer.writeBigInt64BE(BigInt(value.getTime() - epochMs) * 1000n, at) - at,
  uuid: writeUuid,
  text: writeText,
  json: writeText,
  // The first byte is the version of the format.
  jsonb: (buffer, value: string, at) => buffer.writeUInt8(1, at) - at + writeText(buffer, value, at + 1),
}

/** Bytes of an element that is not a text. */
const widest = 16

/** Values as a PostgreSQL array in binary form. JSON elements are given as JSON text. */
export function encodeArray(type: ElementType, values: readonly unknown[]): Buffer {
  if (values.length === 0) {
    const empty = Buffer.alloc(emptyHeaderBytes)
    empty.writeInt32BE(objectIds[type], 8)
    return empty
  }
  let size = headerBytes
  for (const value of values) size += 5 + (typeof value === 'string' && type !== 'uuid' ? Buffer.byteLength(value) : widest)
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(objectIds[type], 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  const write = writers[type]
  let at = headerBytes
  for (const value of values) {
    const isNull = value === null || value === undefined
    const bytes = isNull ? -1 : write(buffer, value as never, at + 4)
    buffer.writeInt32BE(bytes, at)
    at += 4 + (isNull ? 0 : bytes)
  }
  return buffer.subarray(0, at)
}

/**
 * Values as one array parameter of a statement. In binary form, an array of texts costs both sides about half of its
 * text form: nothing is escaped, and nothing is parsed.
 */
export function arraySql(type: ElementType, values: readonly unknown[]): RawBuilder<unknown> {
  return sql`${encodeArray(type, values)}::${sql.raw(type)}[]`
}

/** Rows as a table of a statement, one array parameter per column: `unnest(…) as alias (first, second)`. */
export function rowsSql<Column extends string>(
  alias: string,
  columns: Readonly<Record<Column, ElementType>>,
  rows: readonly Readonly<Record<NoInfer<Column>, unknown>>[],
): RawBuilder<unknown> {
  const names = Object.keys(columns) as Column[]
  const arrays = names.map((name) =>
    arraySql(
      columns[name],
      rows.map((row) => row[name]),
    ),
  )
  return sql`unnest(${sql.join(arrays)}) as ${sql.raw(`${alias} (${names.join(', ')})`)}`
}

/**
 * Businesses, each once, as one array parameter. A statement that joins arrays names them next to the join too, as
 * `business_id = any (…)`, so that a sharded database knows where its rows are.
 */
export const businessesSql = (ids: readonly string[]): RawBuilder<unknown> => arraySql('uuid', [...new Set(ids)])

/** Keys of rows as a table of a statement. */
export function keysSql(alias: string, keys: readonly { businessId: string; id: string }[]): RawBuilder<unknown> {
  return rowsSql(
    alias,
    { business_id: 'uuid', id: 'uuid' },
    keys.map(({ businessId, id }) => ({ business_id: businessId, id })),
  )
}
