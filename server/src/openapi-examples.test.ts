import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { aBusiness, type Client } from '#testing/api.ts'
import { allSamples } from '#testing/samples.ts'

interface Media {
  schema: object
  example?: unknown
}
interface OpenApiOperation {
  operationId: string
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}

const examplesFile = new URL('./openapi-examples.json', import.meta.url)
const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, OpenApiOperation>>
}
const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ ...operation, method, path })))
const { makers, bodies } = await allSamples()

interface Example {
  request?: unknown
  status: number
  response?: unknown
}

/** The real answer of one operation for a new object of a business. */
async function answerOf(client: Client, { operationId, path, method }: (typeof operations)[number]): Promise<Example> {
  const parameter = /\{(\w+)\}/.exec(path)?.[1] ?? ''
  const id = await makers.get(parameter)?.(client, operationId)
  const body = await bodies.get(operationId)?.(client)
  const answer = await client.request(method.toUpperCase(), id === undefined ? path : path.replace(/\{\w+\}/, id), body ? { body } : {})
  const response = answer.headers.get('content-type')?.includes('json') ? answer.json : answer.text
  return { ...(body ? { request: body } : {}), status: answer.status, ...(answer.text === '' ? {} : { response }) }
}

/** Without what differs from run to run and from machine to machine: ids, secrets and the address. */
function anonymous(text: string, client: Client): string {
  const ids = new Map<string, string>()
  return text
    .replaceAll(client.server.url, 'https://pay.example.com')
    .replaceAll(client.business.slug, 'kopi-corner')
    .replaceAll(client.business.name, 'Kopi Corner')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      if (!ids.has(id)) ids.set(id, `019ab2c4-5d6e-7f80-8000-${String(ids.size + 1).padStart(12, '0')}`)
      return ids.get(id) ?? ''
    })
    .replace(/\b[0-9a-f]{64}\b/g, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08')
    .replace(/http:\/\/(127\.0\.0\.1|localhost):\d+/g, 'http://localhost:3000')
}

/** Payments that fail, and money that is not applied: what they emit, no operation's sample does. */
async function payUnusually(client: Client): Promise<void> {
  for (const how of [{ outcome: 'failed' }, { method: 'paynow_online', amount: '9.00' }]) {
    const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
    await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, how)
  }
}

// Run by `HAWKER_RECORD_EXAMPLES=1 npm test -- openapi-examples` when an answer has changed; openapi.test.ts checks what is written.
test.runIf(process.env.HAWKER_RECORD_EXAMPLES)(
  'the answers of all operations and the data of events are recorded as the examples of the API document',
  async () => {
    const client = await aBusiness()
    const examples: Record<string, Example> = {}
    for (const operation of operations) examples[operation.operationId] = await answerOf(client, operation)
    const exported = await client.request('GET', '/v1/charges/export', { headers: { accept: 'application/json' } })
    examples['exportCharges application/json'] = { status: exported.status, response: exported.json }
    await payUnusually(client)
    expect(Object.values(examples).filter(({ status }) => status >= 300)).toEqual([])
    const { rows } = await client.server.database.pool.query('select type, data from hawker.events where business_id = $1 order by id', [client.business.id])
    const events = Object.fromEntries(rows.map(({ type, data }) => [type, typeof data === 'string' ? JSON.parse(data) : data]))
    const recorded = JSON.parse(anonymous(JSON.stringify({ examples, events }), client))
    writeFileSync(examplesFile, `${JSON.stringify(recorded, null, 2)}\n`)
  },
  120_000,
)
