import swagger from '@fastify/swagger'
import type { Database } from '#foundation/database/database.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import { ErrorAnswer } from '#foundation/http/refusals.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { version } from '#foundation/shared/version.ts'
import { createApp } from './app.ts'

type Json = Record<string, unknown>

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
        responses[status] ??= { description: refusals[status], content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
      }
      for (const [status, response] of Object.entries(responses)) {
        if (status === '204' || status === '304') delete response.content
        if (response.description === 'Default Response') response.description = successes[status] ?? response.description
      }
      for (const parameter of parameters) parameter.description ??= ''
    }
  }
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
  const document = JSON.parse(JSON.stringify(app.fastify.swagger())) as { paths: Record<string, Record<string, Json>>; components: Json }
  await app.fastify.close()
  const schemas: Json = {}
  document.paths = nameComponents(document.paths, schemas) as typeof document.paths
  nameComponents(JSON.parse(JSON.stringify(ErrorAnswer)), schemas)
  addRefusals(document.paths)
  document.components = { ...document.components, schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))) }
  return `${JSON.stringify(document, null, 2)}\n`
}
