import swagger from '@fastify/swagger'
import { ownValue } from '@hawker/web/own-value'
import type { Database } from '#foundation/database/database.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import { ErrorAnswer } from '#foundation/http/refusals.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { version } from '#foundation/shared/version.ts'
import { createApp } from './app.ts'
import { describeComponents, describeSchema, enumerations, parameterDescription } from './openapi/descriptions.ts'
import { errorExample, type Recorded, readRecorded } from './openapi/examples.ts'
import { webhooksOf } from './openapi/webhooks.ts'

type Json = Record<string, unknown>
type Paths = Record<string, Record<string, Json>>

const description = `Hawker speaks the HitPay API: a client written for HitPay works once its host is changed. What Hawker adds comes as extra
fields, headers and routes.

Send your API key in \`X-BUSINESS-API-KEY\`. Request bodies may be JSON, form-encoded or multipart. Every write accepts an
\`Idempotency-Key\`. Every response has an \`X-Request-Id\`.`

const refusals: Record<string, string> = {
  400: 'The request is malformed.',
  401: 'The API key is missing or invalid.',
  404: 'No such object exists in your business.',
  409: 'A request with the same Idempotency-Key is still in progress; retry after `Retry-After`.',
  412: 'The If-Match or If-None-Match precondition failed; `ETag` holds the current version.',
  422: 'Fields are missing or invalid, and `errors` names each of them; or the Idempotency-Key was used before with a different body.',
  503: 'The server is busy or cannot reach its database; retry with the same Idempotency-Key.',
}

/** What Swagger calls a "Default Response". */
const successes: Record<string, string> = { 200: 'Success.', 201: 'Created.', 202: 'Accepted.' }

/** Schemas that have a title become named components, so that generated clients have a type for each. */
function nameComponents(value: unknown, components: Json): unknown {
  if (Array.isArray(value)) return value.map((inner) => nameComponents(inner, components))
  if (typeof value !== 'object' || value === null) return value
  const { title, $id: _id, ...rest } = value as Json
  const inner = Object.fromEntries(Object.entries(rest).map(([name, one]) => [name, nameComponents(one, components)]))
  if (typeof title !== 'string' || !('type' in rest) || !('properties' in rest) || 'info' in rest) return title === undefined ? inner : { title, ...inner }
  components[title] = { title, ...inner }
  return { $ref: `#/components/schemas/${title}` }
}

/** Errors of an operation, in addition to those that every operation has. */
function addRefusals(paths: Record<string, Record<string, Json>>): void {
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const responses = operation.responses as Record<string, Json>
      const isWrite = method !== 'get'
      const parameters = (operation.parameters ?? []) as Json[]
      const statuses = [
        '401',
        '422',
        '503',
        ...(isWrite ? ['409'] : []),
        ...(path.includes('{') ? ['404'] : []),
        ...(operation.requestBody ? ['400'] : []),
        ...(parameters.some(({ name }) => name === 'if-match') ? ['412'] : []),
      ]
      for (const status of statuses.sort()) {
        const refusal = { description: ownValue(refusals, status), content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
        if (!Object.hasOwn(responses, status)) responses[status] = refusal
      }
      for (const [status, response] of Object.entries(responses)) {
        if (status === '204' || status === '304') delete response.content
        if (response.description === 'Default Response') response.description = ownValue(successes, status) ?? response.description
      }
      for (const parameter of parameters) parameter.description = parameter.description || parameterDescription(String(parameter.name))
    }
  }
}

/** The order of tags: what most integrations begin with comes first. */
const tagOrder = ['Payment requests', 'Charges', 'Refunds', 'Customers', 'Webhook events', 'Webhook deliveries', 'Events', 'Sandbox']

function orderByTag(paths: Paths): { paths: Paths; tags: { name: string }[] } {
  const tagOf = (item: Record<string, Json>) => String((Object.values(item) as { tags: string[] }[])[0]?.tags[0])
  const found = [...new Set(Object.values(paths).map(tagOf))]
  const tags = [...tagOrder.filter((tag) => found.includes(tag)), ...found.filter((tag) => !tagOrder.includes(tag))]
  const sorted = Object.entries(paths).sort(([, a], [, b]) => tags.indexOf(tagOf(a)) - tags.indexOf(tagOf(b)))
  return { paths: Object.fromEntries(sorted), tags: tags.map((name) => ({ name })) }
}

/** Request bodies become components, named after the first operation that has them. */
function nameRequestBodies(paths: Paths, schemas: Json): void {
  const known = new Map<string, string>()
  for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
    const { content = {} } = (operation.requestBody ?? {}) as { content?: Record<string, Json> }
    for (const media of Object.values(content)) {
      const text = JSON.stringify(media.schema)
      const id = String(operation.operationId)
      const name = known.get(text) ?? `${id[0]?.toUpperCase()}${id.slice(1)}${id.endsWith('Request') ? '' : 'Request'}`
      known.set(text, name)
      schemas[name] = { title: name, ...(media.schema as Json) }
      media.schema = { $ref: `#/components/schemas/${name}` }
    }
  }
}

/** Recorded requests and responses of each operation, and an error of each status. */
function addExamples(paths: Paths, { examples }: Recorded): void {
  for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
    const recorded = ownValue(examples, String(operation.operationId))
    const { content = {} } = (operation.requestBody ?? {}) as { content?: Record<string, Json> }
    for (const media of Object.values(content)) if (recorded?.request !== undefined) media.example = recorded.request
    for (const [status, response] of Object.entries(operation.responses as Record<string, { content?: Record<string, Json> }>)) {
      for (const [type, media] of Object.entries(response.content ?? {})) {
        const success = ownValue(examples, `${operation.operationId} ${type}`) ?? recorded
        const example = status.startsWith('2') ? success?.response : errorExample(status)
        if (example !== undefined) media.example = example
      }
    }
  }
}

/** Turns the document of the routes into the one that is published. */
function publish(document: { paths: Paths; components: Json }): Json {
  const recorded = readRecorded()
  const schemas: Json = {}
  const named = nameComponents(document.paths, schemas) as Paths
  nameComponents(JSON.parse(JSON.stringify(ErrorAnswer)), schemas)
  addRefusals(named)
  nameRequestBodies(named, schemas)
  addExamples(named, recorded)
  const { webhooks, schemas: ofWebhooks } = webhooksOf(recorded, schemas)
  const all = Object.entries(describeComponents({ ...schemas, ...enumerations, ...ofWebhooks })).sort(([a], [b]) => (a < b ? -1 : 1))
  const { paths, tags } = orderByTag(describeSchema(named, 'Operation') as Paths)
  return { ...document, tags, paths, webhooks, components: { ...document.components, schemas: Object.fromEntries(all) } }
}

/** The OpenAPI document of the routes, as JSON text; touches no database. */
export async function openApiDocument(database: Database): Promise<string> {
  const app = await createApp({
    config: { publicUrl: undefined, rateLimit: 0, groupCommitAcrossBusinesses: true },
    database,
    log: createLog('silent'),
    metrics: createMetrics(),
    clock: systemClock,
    baseUrl: () => '',
    secretKey: () => Buffer.alloc(32),
    beforeRoutes: async (fastify) => {
      await fastify.register(swagger, {
        openapi: {
          openapi: '3.1.0',
          info: { title: 'Hawker', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
          servers: [{ url: '/' }],
          security: [{ apiKey: [] }],
          components: { securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: 'X-BUSINESS-API-KEY' } } },
        } as never,
        hideUntagged: false,
      })
    },
  })
  await app.fastify.ready()
  const document = JSON.parse(JSON.stringify(app.fastify.swagger())) as { paths: Paths; components: Json }
  await app.fastify.close()
  return `${JSON.stringify(publish(document), null, 2)}\n`
}
