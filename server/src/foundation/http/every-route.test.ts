import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { allSamples } from '#testing/samples.ts'

interface OpenApiOperation {
  operationId: string
  tags: string[]
  parameters?: { name: string; in: string }[]
  requestBody?: object
  responses: Record<string, unknown>
}

const document = JSON.parse(readFileSync(new URL('../../../../openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, OpenApiOperation>>
}
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path, name: `${method.toUpperCase()} ${path}` })),
)
type Named = (typeof operations)[number]
const writes = operations.filter(({ method }) => method !== 'GET')
/** A payment method is a code, the same for every business. */
const withId = operations.filter(({ path }) => path.includes('{') && !path.includes('{method}'))

/** Every resource provides its own (`samples.ts`). */
const { makers, bodies, actions } = await allSamples()

const parameterOf = ({ path }: Named) => /\{(\w+)\}/.exec(path)?.[1] ?? ''
async function pathFor(operation: Named, client: Client): Promise<string> {
  const maker = makers.get(parameterOf(operation))
  return maker ? operation.path.replace(/\{\w+\}/, await maker(client, operation.operationId)) : operation.path
}
const bodyFor = async (operation: Named, client: Client) => bodies.get(operation.operationId)?.(client)

let owner: Client
let stranger: Client
beforeAll(async () => {
  owner = await aBusiness()
  stranger = await aBusiness()
})

test('these rules cover every operation with an id and every operation with a body', () => {
  expect(withId.map(parameterOf).filter((name) => !makers.has(name))).toEqual([])
  expect(operations.filter(({ requestBody, operationId }) => requestBody && !bodies.has(operationId)).map(({ name }) => name)).toEqual([])
})

describe('every operation', () => {
  test.each(operations)('$name requires a key', async ({ method, path }) => {
    for (const headers of [{}, { 'x-business-api-key': `test_${'0'.repeat(64)}` }]) {
      const answer = await send(owner.server, method, path.replace(/\{\w+\}/, newId(new Date())), { headers })
      expect([answer.status, answer.json.code]).toEqual([401, 'invalid_api_key'])
    }
  })

  test.each(withId)('$name hides objects of another business behind the same 404 as unknown ones', async (operation) => {
    const id = (await makers.get(parameterOf(operation))?.(stranger, operation.operationId)) ?? ''
    const unknown = newId(new Date())
    const ask = async (which: string) => {
      const body = await bodyFor(operation, owner)
      const answer = await owner.request(operation.method, operation.path.replace(/\{\w+\}/, which), {
        ...(body ? { body } : {}),
        headers: { 'x-request-id': 'same' },
      })
      const { date: _date, ...headers } = Object.fromEntries(answer.headers)
      return { status: answer.status, headers, text: answer.text.replaceAll(which, '{id}') }
    }
    const hidden = await ask(id)
    expect(hidden.status).toBe(404)
    expect(hidden).toEqual(await ask(unknown))
    // An action has no page of its own; its object has.
    expect(
      (
        await stranger.get(
          operation.path
            .replace('/sandbox/payments/', '/charges/')
            .replace('/sandbox/', '/')
            .replace(/\{\w+\}.*/, id),
        )
      ).status,
    ).toBe(200)
  })

  test.each(operations)('$name ignores unknown fields and parameters, and names them', async (operation) => {
    const path = await pathFor(operation, owner)
    const body = await bodyFor(operation, owner)
    const answer = await owner.request(operation.method, `${path}?nothing=1&no[thing]=2`, { ...(body ? { body: { ...body, nothing: { at: ['all'] } } } : {}) })
    expect(answer.status).toBeLessThan(300)
    expect(answer.text).not.toContain('nothing')
    expect(answer.headers.get('hawker-ignored-fields')).toMatch(/^nothing(, no)?$/)
  })

  test.each(writes)('$name with an Idempotency-Key is replayed', async (operation) => {
    const path = await pathFor(operation, owner)
    const body = await bodyFor(operation, owner)
    const options = { ...(body ? { body } : {}), headers: { 'idempotency-key': `every-${operation.operationId}` } }
    const first = await owner.request(operation.method, path, options)
    const again = await owner.request(operation.method, path, options)
    expect(first.status).toBeLessThan(300)
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([first.status, first.text, 'true'])
  })

  test.each(writes.filter(({ requestBody }) => requestBody))('$name accepts JSON, forms and multipart', async (operation) => {
    for (const spelling of ['json', 'form', 'multipart']) {
      const path = await pathFor(operation, owner)
      const body = ((await bodyFor(operation, owner)) ?? {}) as Record<string, string>
      const multipart = new FormData()
      for (const [name, value] of Object.entries(body)) multipart.set(name, value)
      const options = spelling === 'json' ? { body } : spelling === 'form' ? { form: new URLSearchParams(body) } : { raw: { body: multipart } }
      const answer = await owner.request(operation.method, path, options)
      expect([spelling, answer.status < 300]).toEqual([spelling, true])
      if (!actions.has(operation.operationId)) expect(answer.json).toMatchObject(body)
    }
  })

  test.each(operations)('$name has a tag, and documents its errors', ({ tags, responses, method }) => {
    expect(tags).toHaveLength(1)
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(method === 'GET' ? ['401'] : ['401', '409', '422']))
  })
})
