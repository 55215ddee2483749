import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { eventTypes } from '#engine/events/emit-event.ts'
import { paymentMethods } from '#engine/rails/methods.ts'

interface Text {
  at: string
  text: string
}

const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'))

/** Every description and summary of the API, with where it is. */
function textsOf(value: unknown, at = ''): Text[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const here = `${at}/${name}`
    return (name === 'description' || name === 'summary') && typeof inner === 'string' ? [{ at: here, text: inner }] : textsOf(inner, here)
  })
}

/** Phrases for which CONTRIBUTING's glossary has a better word. */
const clumsy =
  /\b(told|tells? of|hears? of|stands? (for|in|with)|appointment|papers|is on its way|kept apart|at once|takes? (it |one )?away|taken (away|and)|what came of|gives? back|given back|whoever|spelled|spelling|tries|every try|the same try|is asked for|place in (its|their|your))\b/i

const verbs = [
  'Allocate',
  'Answer',
  'Cancel',
  'Create',
  'Delete',
  'Disable',
  'Export',
  'Follow',
  'Get',
  'List',
  'Pay',
  'Redeliver',
  'Refund',
  'Register',
  'Remove',
  'Replay',
  'Set',
  'Update',
  'Verify',
]

test('descriptions and summaries of the API use the words of the glossary', () => {
  const texts = textsOf(document)
  expect(texts.length).toBeGreaterThan(500)
  expect(texts.filter(({ text }) => clumsy.test(text))).toEqual([])
})

test('every operation has a summary that starts with a verb', () => {
  const operations = Object.values(document.paths as Record<string, Record<string, { operationId: string; summary?: string }>>).flatMap(Object.values)
  expect(operations.length).toBeGreaterThan(50)
  const without = operations.filter(({ summary = '' }) => !verbs.includes(summary.split(' ')[0] ?? ''))
  expect(without.map(({ operationId, summary }) => `${operationId}: ${summary}`)).toEqual([])
})

type Json = Record<string, unknown>
interface Media {
  schema: Json
  example?: unknown
}
interface Operation {
  operationId: string
  tags: string[]
  parameters?: { name: string; description?: string }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
}

const operations: Operation[] = [...Object.values(document.paths), ...Object.values(document.webhooks)].flatMap((item) => Object.values(item as object))
const schemas = document.components.schemas as Record<string, Json>

/** Every media type of the document with an example, and where it is. */
const media = operations.flatMap(({ operationId, requestBody, responses }) => [
  ...Object.values(requestBody?.content ?? {}).map((one) => ({ at: `${operationId} request`, status: '2', ...one })),
  ...Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.values(content).map((one) => ({ at: `${operationId} ${status}`, status, ...one })),
  ),
])

/** A validator of the document's schemas, in which an object may have no field that its schema does not name. */
function strictAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const closed = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(closed)
    if (typeof schema !== 'object' || schema === null) return schema
    const out: Json = Object.fromEntries(Object.entries(schema).map(([name, inner]) => [name, name.startsWith('example') ? inner : closed(inner)]))
    return 'properties' in out && !('additionalProperties' in out) ? { ...out, additionalProperties: false } : out
  }
  ajv.addSchema({ $id: 'document', components: closed(document.components) as Json })
  return ajv
}

describe('the document as a product', () => {
  test('every field, parameter and component of the API document has a description', () => {
    const missing: string[] = []
    let fields = 0
    const look = (schema: unknown, at: string) => {
      if (typeof schema !== 'object' || schema === null) return
      for (const [keyword, value] of Object.entries(schema)) {
        if (keyword.startsWith('example')) continue
        if (keyword === 'properties')
          for (const [name, field] of Object.entries(value as Record<string, Json>)) {
            fields += 1
            if (typeof field.description !== 'string' || field.description.length < 5) missing.push(`${at}.${name}`)
          }
        look(value, `${at}/${keyword}`)
      }
    }
    look(document, '')
    for (const [name, { description }] of Object.entries(schemas)) if (!description) missing.push(name)
    for (const { operationId, parameters = [] } of operations)
      for (const { name, description } of parameters) if (!description) missing.push(`${operationId} ${name}`)
    expect(missing).toEqual([])
    expect(fields).toBeGreaterThan(500)
  })

  test('every request and every response with a body has an example that is valid against its schema', () => {
    const ajv = strictAjv()
    const without = media.filter(({ example }) => example === undefined).map(({ at }) => at)
    expect(without).toEqual([])
    const invalid = media.flatMap(({ at, schema, example }) => {
      const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components')))
      return validate(example) ? [] : [`${at}: ${ajv.errorsText(validate.errors)}`]
    })
    expect(invalid).toEqual([])
    expect(media.length).toBeGreaterThan(200)
  })

  test('request bodies are components with stable names, and no response is a default one', () => {
    const bodies = media.filter(({ at }) => at.endsWith(' request'))
    expect(bodies.filter(({ schema }) => !('$ref' in schema)).map(({ at }) => at)).toEqual([])
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining(['CreatePaymentRequest', 'PaymentRequest', 'Customer', 'CreateCustomerRequest', 'CreateRefundRequest']),
    )
    const defaults = operations.flatMap(({ operationId, responses }) =>
      Object.entries(responses).flatMap(([status, { description }]) => (/^(default response)?$/i.test(description) ? [`${operationId} ${status}`] : [])),
    )
    expect(defaults).toEqual([])
  })

  test('payment methods and event types are enumerations, and every event type is a webhook', () => {
    expect(schemas.PaymentMethodCode?.enum).toEqual(paymentMethods.flatMap(({ code, aliases }) => [code, ...aliases]))
    expect(schemas.EventType?.enum).toEqual(eventTypes)
    expect(Object.keys(document.webhooks)).toEqual([...eventTypes])
    const { properties } = schemas.CreatePaymentRequest as { properties: Record<string, Json> }
    expect(properties.payment_methods?.items).toEqual({ $ref: '#/components/schemas/PaymentMethodCode' })
  })

  test('payment requests come first', () => {
    expect(document.tags[0]).toEqual({ name: 'Payment requests' })
    expect(Object.keys(document.paths)[0]).toBe('/v1/payment-requests')
  })
})
