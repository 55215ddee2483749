import type pg from 'pg'
import { type Database, openDatabase } from '#foundation/database/database.ts'
import { findCounterExamples } from '#verify/checks.ts'
import type { Choices } from './load.ts'
import { applyAnswer, isClear, type MoneyOperation, type Payer, tookEffect } from './money.ts'
import type { Answer, Sent } from './server.ts'
import type { Sink } from './sink.ts'
import { Violation } from './verify.ts'

type Send = (sent: Sent) => Promise<Answer | undefined>

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

async function sendUntilClear(send: Send, sent: Sent): Promise<Answer> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await send(sent)
    if (answer && isClear(answer)) return answer
    if (answer && ![409, 429, 503].includes(answer.status))
      throw new Violation(`${sent.method} ${sent.path} ${sent.key} was answered ${answer.status} ${answer.text}`)
    await sleep(100)
  }
  throw new Violation(`${sent.method} ${sent.path} ${sent.key} gets no clear answer after the restart`)
}

/** Retries every request about money that has no clear response, with its key. */
export async function retryMoney(payers: Payer[], send: Send): Promise<number> {
  let retried = 0
  const retry = async (payer: Payer) => {
    for (const operation of payer.operations) {
      if (isClear(operation.answer)) continue
      retried += 1
      operation.answer = await sendUntilClear(send, operation.sent)
      applyAnswer(payer, operation)
    }
  }
  await Promise.all(payers.map(retry))
  return retried
}

/** Retries some answered requests about money: their responses must be the same, byte for byte. */
export async function replayMoney(payers: Payer[], send: Send, { below }: Choices, count: number): Promise<number> {
  const done = payers.flatMap(({ operations }) => operations.filter(({ answer }) => tookEffect(answer)))
  const chosen = Array.from({ length: Math.min(count, done.length) }, () => done[below(done.length)] as MoneyOperation)
  const replay = async ({ kind, label, sent, answer: first }: MoneyOperation) => {
    const again = await sendUntilClear(send, sent)
    if (again.status !== first?.status || again.text !== first.text || !again.replayed)
      throw new Violation(`the replay of ${kind} ${label} differs: ${first?.status} ${first?.text} became ${again.status} ${again.text}`)
  }
  await Promise.all(chosen.map(replay))
  return chosen.length
}

/** What each kind of request leaves, by the label that it set, with what its response says about it. */
const effects: Record<MoneyOperation['kind'], string> = {
  create: 'select reference_number as label, id, status from payment_requests where reference_number = any ($1)',
  pay: 'select customer_name as label, id, status from charges where customer_name = any ($1)',
  refund: 'select reason as label, id, status from refunds where reason = any ($1)',
  cancel: "select id as label, id, status from payment_requests where id::text = any ($1) and deleted_at is not null and status in ('canceled', 'expired')",
}

const later: Record<string, string[]> = { succeeded: ['succeeded', 'refunded', 'partially_refunded'] }

/** Every request that took effect did so once, and matches its response; one that was rejected left nothing. */
export async function checkMoney(payers: Payer[], pool: pg.Pool): Promise<number> {
  const all = payers.flatMap(({ operations }) => operations)
  for (const kind of Object.keys(effects) as MoneyOperation['kind'][]) {
    const some = all.filter((one) => one.kind === kind)
    const labelOf = ({ label, bill }: MoneyOperation) => (kind === 'cancel' ? (bill?.id ?? '') : label)
    const { rows } = await pool.query<{ label: string; id: string; status: string }>(effects[kind], [some.map(labelOf)])
    for (const operation of some) {
      const { label, answer } = operation
      const found = rows.filter((row) => row.label === labelOf(operation))
      const took = tookEffect(answer)
      if (kind === 'cancel' ? took && found.length !== 1 : found.length !== (took ? 1 : 0))
        throw new Violation(`${kind} ${label} was answered ${answer?.status} ${answer?.text} and has ${found.length} effects`)
      const [row] = found
      if (!took || !row || kind === 'cancel') continue
      const said = JSON.parse(answer.text) as { id?: string; payment_id?: string; status: string }
      const id = kind === 'pay' ? said.payment_id : said.id
      if (row.id !== id || (kind !== 'create' && !(later[said.status] ?? [said.status]).includes(row.status)))
        throw new Violation(`${kind} ${label} was answered ${answer.text} and is ${row.id} ${row.status}`)
    }
  }
  return all.filter(({ answer }) => tookEffect(answer)).length
}

/** Runs the checks of `hawker verify` on the reopened database. */
export async function checkBooks(connection: Parameters<typeof openDatabase>[0]): Promise<void> {
  const database: Database = await openDatabase(connection, { connections: 1, slowConnections: 1 })
  try {
    const { found } = await findCounterExamples(database.db)
    if (found.length > 0) throw new Violation(`verification: ${JSON.stringify(found.slice(0, 5))}`)
  } finally {
    await database.close()
  }
}

/** Longest time for everything to be delivered: a lease that a killed process held, and a retry. */
const deliveredWithinMs = 100_000

interface Told {
  id: string
  body: string
  created_at: Date
}

/** Waits until every event has reached the merchant, and compares both sides; returns how long the events since a moment took. */
export async function checkDeliveries(
  sink: Sink,
  pool: pg.Pool,
  since: Date,
): Promise<{ waitedMs: number; delivered: number; tries: number; latencies: number[] }> {
  const began = Date.now()
  const { rows: events } = await pool.query<Told>(
    'select id, data::text as body, created_at from events where created_at > (select created_at from webhook_endpoints order by created_at limit 1)',
  )
  const { rows: completed } = await pool.query<{ id: string }>(
    "select id from charges where unapplied_reason is null and status in ('succeeded', 'refunded', 'partially_refunded')",
  )
  const missing = () => ({
    events: events.filter(({ id }) => !sink.events.has(id)).length,
    callbacks: completed.filter(({ id }) => !sink.callbacks.has(id)).length,
  })
  for (let left = missing(); left.events + left.callbacks > 0; left = missing()) {
    if (Date.now() - began > deliveredWithinMs)
      throw new Violation(`after ${deliveredWithinMs / 1000} s ${left.events} events and ${left.callbacks} callbacks have not arrived`)
    await sleep(200)
  }
  const known = new Map(events.map((event) => [event.id, event]))
  for (const [id, { body }] of sink.events) {
    const event = known.get(id)
    if (!event) throw new Violation(`event ${id} arrived and was never committed`)
    if (event.body !== body) throw new Violation(`event ${id} arrived as something else than was committed`)
  }
  const paid = new Set(completed.map(({ id }) => id))
  for (const id of sink.callbacks.keys()) if (!paid.has(id)) throw new Violation(`a callback says that ${id} completed its request, and it did not`)
  const fault = sink.fault()
  if (fault) throw new Violation(fault)
  const latencies = events
    .filter(({ created_at }) => created_at >= since)
    .map(({ id, created_at }) => (sink.events.get(id)?.firstAt ?? 0) - created_at.getTime())
    .sort((a, b) => a - b)
  const tries = [...sink.events.values()].reduce((sum, one) => sum + one.tries, 0)
  return { waitedMs: Date.now() - began, delivered: events.length, tries, latencies }
}

/** Creates payment requests in sequence, so that the delivery to the merchant is measured and not the load. */
export async function makeQuietly(send: Send, count = 50): Promise<Date> {
  // What the last kill left behind is in flight by then.
  await sleep(2_000)
  const since = new Date()
  for (let i = 0; i < count; i++) await send({ method: 'POST', path: '/v1/payment-requests', body: { amount: 1, currency: 'sgd' } })
  return since
}

/** No request is pending after its deadline. */
export async function checkExpiries(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(
    "select id from payment_requests where status = 'pending' and deleted_at is null and expires_at < now() - interval '10 seconds' limit 3",
  )
  if (rows.length > 0) throw new Violation(`payment requests did not expire on time: ${JSON.stringify(rows)}`)
}
