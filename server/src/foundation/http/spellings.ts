import { ownValue } from '@hawker/web/own-value'
import { noteIgnoredField } from './ignored-fields.ts'
import type { SchemaError } from './validation.ts'

/**
 * How a value may be written, by the type of its field (behaviour §1.3): HitPay's clients send numbers and flags as texts, PHP's
 * forms number the items of a list. A boolean, an array or an object is never a number or a text, and nothing else is converted.
 *
 * | the field is | accepted |
 * |---|---|
 * | a text | a text; a number that JSON carries without loss |
 * | a number, an integer | a number; a text of digits, with a sign and decimals |
 * | a flag | `true`, `false`; `1`, `0`; the texts `1`, `true`, `on`, `yes` and `0`, `false`, `off`, `no` in any case |
 * | a list | an array; an object whose names are numbers; if its items are texts, one text with commas |
 * | an object | an object; an empty array |
 *
 * A flag or a list that is empty or null, and a number of a query that is empty, count as omitted where null is no value of the field.
 */
export interface Schema {
  type?: string | string[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  maxItems?: number
}

/** Names in a free map; a schema may allow fewer. */
const mostNames = 1_000

/** What was found while a value was read. */
export interface Reading {
  /** Names that no map may have, as errors. */
  errors: SchemaError[]
  /** Fields that the schema does not know. */
  ignored: string[]
}

/** Reads a value as its schema means it; `undefined` counts as omitted. Objects and arrays are changed in place. */
export type ValueReader = (value: unknown, path: string, reading: Reading) => unknown

const yes = new Set(['1', 'true', 'on', 'yes'])
const no = new Set(['0', 'false', 'off', 'no'])
/** The name that JavaScript would take for an object's prototype; forms deliver it with a NUL (`request-body.ts`). */
const reserved = new Set(['__proto__', '__proto__\0'])
const asIs: ValueReader = (value) => value

export const isPlainObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A number as text; undefined if its digits are not those that were sent (`12345678901234567890` arrives as another number). */
function exactText(value: number): string | undefined {
  const text = String(value)
  return Number.isSafeInteger(value) || (!Number.isInteger(value) && /^-?\d+\.\d+$/.test(text)) ? text : undefined
}

const readText: ValueReader = (value) => (typeof value === 'number' ? (exactText(value) ?? value) : value)

const readNumber =
  (pattern: RegExp): ValueReader =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? Number(value) : value
const readInteger = readNumber(/^-?\d{1,16}$/)
const readDecimal = readNumber(/^-?\d{1,16}(\.\d{1,16})?$/)

const readFlag: ValueReader = (value) => {
  if (value !== 1 && value !== 0 && typeof value !== 'string') return value
  const text = String(value).toLowerCase()
  if (yes.has(text)) return true
  return no.has(text) ? false : value
}

/** Where null is no value of a field, an empty one counts as omitted. */
const omittingEmpty =
  (read: ValueReader): ValueReader =>
  (value, path, reading) =>
    value === null || value === '' ? undefined : read(value, path, reading)

function listReader({ items, maxItems }: Schema): ValueReader {
  const readItem = readerOf(items ?? {})
  const areTexts = items !== undefined && typesOf(items).includes('string')
  return (value, path, reading) => {
    let list = value
    if (typeof value === 'string' && areTexts) {
      list = value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    } else if (isPlainObject(value) && Object.keys(value).every((key) => /^\d{1,9}$/.test(key))) list = Object.values(value)
    // One more than the limit is enough to be rejected: the rest is neither read nor named in an error.
    if (Array.isArray(list) && maxItems !== undefined && list.length > maxItems) list.length = maxItems + 1
    if (Array.isArray(list)) for (const [i, item] of list.entries()) list[i] = readItem(item, `${path}/${i}`, reading)
    return list
  }
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

function objectReader({ properties = {}, patternProperties = {}, additionalProperties }: Schema): ValueReader {
  const known = new Map(Object.entries(properties).map(([name, schema]) => [name, readerOf(schema)]))
  // A free map has one schema for all of its values, whichever way that is written.
  const [free] = [...Object.values(patternProperties), ...(typeof additionalProperties === 'object' ? [additionalProperties] : [])]
  const readFree = free && readerOf(free)
  // An object of which the schema says nothing may hold anything.
  const isStrict = known.size > 0
  return (value, path, reading) => {
    if (Array.isArray(value) && value.length === 0) return {}
    if (!isPlainObject(value)) return value
    if (known.size > 0) {
      for (const [name, read] of known) {
        if (!Object.hasOwn(value, name)) continue
        const inner = read(ownValue(value, name), `${path}/${name}`, reading)
        if (inner === undefined) delete value[name]
        else value[name] = inner
      }
    }
    if (!readFree) {
      if (isStrict)
        for (const name of Object.keys(value)) if (!known.has(name)) noteIgnoredField(reading.ignored, `${path}/${name}`.slice(1).replaceAll('/', '.'))
      return value
    }
    return readMap(value, path, reading)
  }

  function readMap(map: Record<string, unknown>, path: string, reading: Reading): Record<string, unknown> {
    const names = Object.keys(map)
    let read = map
    if (names.length > mostNames) {
      reading.errors.push({ keyword: 'maxProperties', instancePath: path, params: { limit: mostNames } })
      read = Object.fromEntries(names.splice(0, mostNames).map((name) => [name, ownValue(map, name)]))
    }
    for (const name of Object.keys(read)) {
      if (reserved.has(name)) {
        reading.errors.push({ keyword: 'reserved', instancePath: `${path}/__proto__`, params: {} })
        delete read[name]
      } else if (!known.has(name)) read[name] = readFree?.(ownValue(read, name), `${path}/${escaped(name)}`, reading)
    }
    return read
  }
}

const typesOf = ({ type = [], anyOf = [] }: Schema): string[] => [...[type].flat(), ...anyOf.flatMap(typesOf)]

/** The reader of a schema's values. */
export function readerOf(schema: Schema): ValueReader {
  const types = typesOf(schema)
  const orOmitted = (read: ValueReader) => (types.includes('null') ? read : omittingEmpty(read))
  if (types.includes('boolean')) return orOmitted(readFlag)
  if (types.includes('number') || types.includes('integer')) {
    if (types.includes('string')) return asIs
    return orOmitted(types.includes('number') ? readDecimal : readInteger)
  }
  if (types.includes('array')) return types.includes('string') ? asIs : orOmitted(listReader(schema))
  if (types.includes('object')) {
    const readObject = objectReader(schema)
    return types.includes('string') ? (value, path, reading) => readText(readObject(value, path, reading), path, reading) : readObject
  }
  return types.includes('string') ? readText : asIs
}
