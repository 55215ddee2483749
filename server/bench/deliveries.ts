import type { Database } from '#foundation/database/database.ts'
import { type Load, loadOf } from './load.ts'
import { jsonHeaders, type Merchant, makePaymentRequest, type Payable, resetPayments, sandboxPayment } from './payment-requests.ts'
import type { Cluster, HawkerProcess } from './servers.ts'
import { preciseNow, type Sink } from './sink.ts'
import { sleep } from './workspace.ts'

/** A server with one merchant whose webhook endpoint is the sink. */
export interface Delivering {
  cluster: Cluster
  hawker: HawkerProcess
  database: Database
  merchant: Merchant
  sink: Sink
}

/** How fast a backlog was delivered. */
export interface Backlog extends Load {
  /** From the commit of the events to the outcome of the last delivery, including the waits of relay and dispatcher. */
  wholeSeconds: number
  nodeCpuMs: number | undefined
  postgresCpuMs: number | undefined
}

/** Milliseconds until the first byte of a webhook arrives. */
export interface Latency {
  /** Since the payment was sent, which is before its commit. */
  sinceRequest: Load
  /** Since the answer to the payment was read, which is after its commit. */
  sinceAnswer: Load
}

/** Registers the merchant's only endpoint, in place of an earlier one. */
async function listenTo({ hawker, database, merchant, sink }: Delivering, url: string, types: string[]): Promise<void> {
  await resetPayments(database)
  await database.pool.query('delete from webhook_endpoints')
  await sink.forget()
  const body = JSON.stringify({ name: 'Sink', url, event_types: types })
  const response = await fetch(`${hawker.url}/v1/webhook-events`, { method: 'POST', headers: jsonHeaders(merchant.apiKey), body })
  if (!response.ok) throw new Error(`The endpoint was not registered: ${response.status} ${await response.text()}`)
}

async function pay(hawker: HawkerProcess, payable: Parameters<typeof sandboxPayment>[0]): Promise<void> {
  const { path, headers, body } = sandboxPayment(payable)
  const response = await fetch(`${hawker.url}${path}`, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`A payment was refused: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

/** Delivers a backlog to one endpoint: copies of a payment's event, inserted by SQL in one transaction. */
export async function measureBacklog(delivering: Delivering, events: number): Promise<Backlog> {
  const { cluster, hawker, database, merchant, sink } = delivering
  const { pool } = database
  const id = await makePaymentRequest(hawker.url, merchant, 'paynow_online')
  await listenTo(delivering, sink.countUrl, ['charge.created'])
  await pay(hawker, { id, merchant })
  while ((await sink.counted()).count < 1) await sleep(20)
  await sink.forget()
  const client = await pool.connect()
  const before = { node: hawker.cpu(), postgres: cluster.cpu() }
  try {
    await client.query('set statement_timeout = 0')
    await client.query({
      text: `insert into events (business_id, id, type, object_id, data, request_id, created_at)
        select e.business_id, uuidv7(), e.type, uuidv7(), e.data, e.request_id, e.created_at
        from events e, generate_series(1, $2::int) where e.business_id = $1 and e.type = 'charge.created'`,
      values: [merchant.business.id, events],
    })
    await client.query('reset statement_timeout')
  } finally {
    client.release()
  }
  const committed = preciseNow()
  const ended = await untilDelivered(delivering, events)
  const { first } = await sink.counted()
  const after = { node: hawker.cpu(), postgres: cluster.cpu() }
  const each = (from: number | undefined, to: number | undefined) => (from === undefined || to === undefined ? undefined : ((to - from) / events) * 1000)
  const { rows } = await pool.query<{ took: number }>('select duration_ms as took from webhook_attempts limit 100000')
  const load = loadOf(
    rows.map(({ took }) => took),
    (ended - first) / 1000,
    events,
  )
  return { ...load, wholeSeconds: (ended - committed) / 1000, nodeCpuMs: each(before.node, after.node), postgresCpuMs: each(before.postgres, after.postgres) }
}

/** Waits until the sink has everything and every outcome is written. */
async function untilDelivered({ database, sink }: Delivering, events: number): Promise<number> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    const { count } = await sink.counted()
    if (count >= events) {
      const { rows } = await database.pool.query<{ waiting: boolean }>('select exists (select 1 from webhook_queue) as waiting')
      if (!rows[0]?.waiting) return preciseNow()
    }
    await sleep(count >= events ? 5 : 20)
  }
  throw new Error(`After two minutes ${(await sink.counted()).count} of ${events} deliveries had arrived.`)
}

/** Pays at a steady, low rate and measures when the webhook of each payment arrives. */
export async function measureLatency(delivering: Delivering, payables: Payable[], perSecond: number): Promise<Latency> {
  const { hawker, sink } = delivering
  await listenTo(delivering, sink.keepUrl, ['payment_request.completed'])
  const times: { id: string; sent: number; answered: number }[] = []
  const began = performance.now()
  await Promise.all(
    payables.map(async (payable, i) => {
      await sleep(began + ((i + Math.random()) * 1000) / perSecond - performance.now())
      const sent = preciseNow()
      await pay(hawker, payable)
      times.push({ id: payable.id, sent, answered: preciseNow() })
    }),
  )
  let arrivals = await sink.arrivals()
  for (let waited = 0; arrivals.size < payables.length && waited < 10_000; waited += 50) {
    await sleep(50)
    arrivals = await sink.arrivals()
  }
  const since = (read: (one: (typeof times)[number]) => number) => {
    const took = times.map((one) => {
      const arrived = arrivals.get(one.id)
      if (arrived === undefined) throw new Error(`No webhook arrived for the payment of ${one.id}.`)
      return arrived - read(one)
    })
    return loadOf(took, (performance.now() - began) / 1000)
  }
  return { sinceRequest: since(({ sent }) => sent), sinceAnswer: since(({ answered }) => answered) }
}
