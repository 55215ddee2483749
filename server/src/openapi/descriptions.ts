import { eventTypes } from '#engine/events/emit-event.ts'
import { paymentMethods } from '#engine/rails/methods.ts'
import { fieldDescriptions, schemaDescriptions } from './field-descriptions.ts'

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Enumerations that several schemas share. */
export const enumerations: Json = {
  PaymentMethodCode: { title: 'PaymentMethodCode', type: 'string', enum: paymentMethods.flatMap(({ code, aliases }) => [code, ...aliases]) },
  EventType: { title: 'EventType', type: 'string', enum: [...eventTypes] },
}

const methodCode = { $ref: '#/components/schemas/PaymentMethodCode' }
const eventType = { $ref: '#/components/schemas/EventType' }
/** Types of endpoints and filters may end with a wildcard. */
const eventTypeOrPattern = { anyOf: [eventType, { type: 'string', maxLength: 64 }] }

/** Fields with shared enumerations: in any schema, or in those that are named. */
const enumerated = new Map<string, object>([
  ['FeeSchedule.method', methodCode],
  ['SandboxPayment.method', methodCode],
  ['PaySandboxPaymentRequest.method', methodCode],
  ['Payment.payment_type', methodCode],
  ['Event.type', eventType],
])
const enumeratedItems = new Map<string, object>([
  ['payment_methods', methodCode],
  ['event_types', eventTypeOrPattern],
])

const wordOf = (field: string) => `The ${field.replaceAll('_', ' ')}.`

function describeField(field: Json, name: string, schema: string, parent: string): Json {
  const referenced = typeof field.$ref === 'string' ? schemaDescriptions.get(field.$ref.split('/').at(-1) ?? '') : undefined
  const byName = fieldDescriptions.get(`${schema}.${name}`) ?? fieldDescriptions.get(`${parent}.${name}`) ?? fieldDescriptions.get(name)
  const description = field.description || byName || referenced
  if (!description) throw new Error(`The field ${schema}.${name} has no description: give it one in its wire.ts, or in openapi/field-descriptions.ts.`)
  const shared = enumerated.get(`${schema}.${name}`)
  if (shared) return { ...shared, description }
  const items = enumeratedItems.get(name)
  return { ...field, ...(items && field.type === 'array' ? { items } : {}), description }
}

/** A schema whose every field has a description: its own, or that of its name. */
export function describeSchema(schema: unknown, name: string, parent = name): unknown {
  if (Array.isArray(schema)) return schema.map((inner) => describeSchema(inner, name, parent))
  if (!isObject(schema)) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (['example', 'examples', 'enum', 'default', 'const'].includes(keyword)) return [keyword, value]
      if (keyword !== 'properties' || !isObject(value)) return [keyword, describeSchema(value, name, parent)]
      const fields = Object.entries(value).map(([field, inner]) => [field, describeField(describeSchema(inner, name, field) as Json, field, name, parent)])
      return [keyword, Object.fromEntries(fields)]
    }),
  )
}

/** The components, each described, with all of their fields. */
export function describeComponents(schemas: Json): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const page = /^(\w+?)(Page|List)$/.exec(name)?.[1]
      const own = (schema as Json).description ?? schemaDescriptions.get(name)
      const description =
        own ?? (page ? 'A page of a list.' : name.endsWith('Request') || /^(Create|Update|Patch)/.test(name) ? 'The body of a request.' : undefined)
      if (description === undefined) throw new Error(`The schema ${name} has no description: add it to openapi/field-descriptions.ts.`)
      return [name, { ...(describeSchema(schema, name) as Json), description }]
    }),
  )
}

/** The description of a parameter that its schema leaves out. */
export function parameterDescription(name: string): string {
  return fieldDescriptions.get(name) ?? wordOf(name)
}
