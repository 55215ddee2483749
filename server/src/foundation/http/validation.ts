import { ownValue } from '@hawker/web/own-value'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { type ApiError, type FieldErrors, invalid, spoken } from '#foundation/shared/errors.ts'
import { keepIgnoredFields } from './ignored-fields.ts'
import { type Reading, readerOf, type ValueReader } from './spellings.ts'

/** The part of Ajv's errors that is needed here. */
export interface SchemaError {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  schema?: unknown
  data?: unknown
  parentSchema?: { type?: string; format?: string; description?: string; message?: string; minimum?: number; maximum?: number }
}

const types: Record<string, string> = {
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
}

/** A client chooses the names in a map, and an answer repeats them: no more than this of each. */
const longestName = 255
const named = (name: string) => (name.length > longestName ? `${name.slice(0, longestName)}...` : name)

/** The field that an error is about: `/address/postal_code` is `address.postal_code`. */
function fieldOf({ keyword, instancePath, params }: SchemaError): string {
  const at = instancePath
    .split('/')
    .slice(1)
    .map((part) => named(part.replaceAll('~1', '/').replaceAll('~0', '~')))
  if (keyword === 'required') at.push(String(params.missingProperty))
  return at.join('.')
}

/** One violation in the words that HitPay's clients know (Laravel's, behaviour §1.5). */
function textOf(error: SchemaError, field: string): string {
  const the = `The ${spoken(field)}`
  const { params, parentSchema } = error
  if (parentSchema?.message && error.keyword !== 'required' && error.keyword !== 'type') return `${the} ${parentSchema.message}`
  switch (error.keyword) {
    case 'required':
      return `${the} field is required.`
    case 'type':
      if (error.data === null) return `${the} field is required.`
      return `${the} must be ${ownValue(types, String([params.type].flat().find((type) => type !== 'null'))) ?? 'of another type'}.`
    case 'maxLength':
      return `${the} may not be greater than ${params.limit} characters.`
    case 'minLength':
      if (params.limit === 1) return `${the} field is required.`
      return `${the} must be at least ${params.limit} characters.`
    case 'minimum':
    case 'maximum': {
      const { minimum, maximum } = parentSchema ?? {}
      if (minimum !== undefined && maximum !== undefined) return `${the} must be between ${minimum} and ${maximum}.`
      return error.keyword === 'minimum' ? `${the} must be at least ${params.limit}.` : `${the} may not be greater than ${params.limit}.`
    }
    case 'enum':
    case 'const':
      return `The selected ${spoken(field)} is invalid.`
    case 'maxProperties':
    case 'maxItems':
      return `${the} may not have more than ${params.limit} items.`
    case 'reserved':
      return `The ${field.slice(0, -'.__proto__'.length)} may not have an item named __proto__.`
    case 'format':
      if (params.format === 'email') return `${the} must be a valid email address.`
      return `${the} format is invalid.`
    default:
      return `${the} format is invalid.`
  }
}

/** A body can have thousands of invalid fields; an answer that names all of them helps no one. */
const maxFieldsNamed = 100

const alternatives = new Set(['anyOf', 'oneOf', 'if', 'not'])

/** Turns Ajv's list into one 422 that names every invalid field once for each error; `more` are errors of fields that Ajv accepts. */
export function validationError(found: SchemaError[], more: FieldErrors = {}): ApiError {
  const errors: FieldErrors = {}
  for (const error of found) {
    const field = fieldOf(error)
    // An alternative that failed adds nothing to the errors inside it, and "must be null" is no advice.
    if (alternatives.has(error.keyword)) continue
    if (error.keyword === 'type' && error.params.type === 'null') continue
    if (error.keyword === 'propertyNames') continue
    const text = textOf(error, field || 'request body')
    const texts = ownValue(errors, field) ?? []
    errors[field] = texts
    // A field that is missing or empty has no other error worth naming.
    if (texts.some((one) => one.endsWith('field is required.'))) continue
    if (text.endsWith('field is required.')) texts.length = 0
    if (!texts.includes(text)) texts.push(text)
    if (Object.keys(errors).length >= maxFieldsNamed) break
  }
  for (const [field, texts] of Object.entries(more)) {
    if (Object.keys(errors).length >= maxFieldsNamed) break
    if (!Object.hasOwn(errors, field)) errors[field] = texts
  }
  return invalid(errors)
}

// Ajv converts nothing: how a value may be written is decided in `spellings.ts`.
const ajv = new Ajv({ allErrors: true, removeAdditional: false, useDefaults: true, verbose: true, strict: false, addUsedSchema: false })
addFormats.default(ajv)

/**
 * Reads and validates data in place. It is compiled on first use: compiling the validators of every route would be most of the time
 * of a start.
 */
export function compileWhenUsed(schema: object) {
  let compiled: ReturnType<typeof ajv.compile> | undefined
  let read: ValueReader | undefined
  const validate = (data: unknown): boolean => {
    compiled ??= ajv.compile(schema)
    read ??= readerOf(schema)
    const reading: Reading = { errors: [], ignored: [] }
    read(data, '', reading)
    if (typeof data === 'object' && data !== null) keepIgnoredFields(data, reading.ignored)
    const fits = compiled(data) as boolean
    const errors = [...(reading.errors as typeof ajv.errors & object), ...(compiled.errors ?? [])]
    validate.errors = errors.length > 0 ? errors : null
    return fits && errors.length === 0
  }
  validate.errors = null as NonNullable<typeof ajv.errors> | null
  return validate
}

/** Whether a schema's properties are texts of which it says no more than a description. */
export function takesAnyText({ properties = {} }: { properties?: Record<string, object> }): boolean {
  return Object.values(properties).every((property) =>
    Object.entries(property).every(([name, value]) => name === 'description' || (name === 'type' && value === 'string')),
  )
}
