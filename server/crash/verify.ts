import type pg from 'pg'
import { acknowledged, applyEffect, type Choices, idIn, type Operation, type Worker } from './load.ts'
import type { Answer, Sent } from './server.ts'

/** Something that must never happen; it ends the run. */
export class Violation extends Error {}

type Send = (sent: Sent) => Promise<Answer | undefined>

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

async function sendUntilClear(send: Send, sent: Sent): Promise<Answer> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await send(sent)
    if (answer && ![409, 429, 503].includes(answer.status)) return answer
    await sleep(100)
  }
  throw new Violation(`${sent.method} ${sent.path} ${sent.key} gets no clear answer after the restart`)
}

/** Retries every request that has a key and no response; it must take effect exactly once, whether or not it had before. */
export async function retryUnacknowledged(workers: Worker[], send: Send): Promise<number> {
  const retry = async (worker: Worker) => {
    let retried = 0
    for (const operation of worker.operations) {
      if (acknowledged(operation) || operation.sent.key === undefined) continue
      retried += 1
      operation.answer = await sendUntilClear(send, operation.sent)
      if (!acknowledged(operation))
        throw new Violation(`the retry of ${operation.kind} ${operation.label} was answered ${operation.answer.status} ${operation.answer.text}`)
      applyEffect(worker, operation, idIn(operation.answer))
    }
    return retried
  }
  return (await Promise.all(workers.map(retry))).reduce((sum, retried) => sum + retried, 0)
}

/** For requests without a key and a response, both outcomes are valid; asks the database which one it was. */
export async function learnOutcomes(workers: Worker[], pool: pg.Pool): Promise<void> {
  const learn = async (worker: Worker) => {
    for (const operation of worker.operations) {
      if (acknowledged(operation)) continue
      const { kind, label, target } = operation
      const { rows } =
        kind === 'delete'
          ? await pool.query("select object_id from events where type = 'customer.deleted' and object_id = $1", [target?.id])
          : await pool.query("select object_id from events where data->>'name' = $1 and type <> 'customer.deleted'", [label])
      if (rows.length > 1) throw new Violation(`${kind} ${label} was sent once, without an answer, and took effect ${rows.length} times`)
      if (rows.length === 1) applyEffect(worker, operation, rows[0].object_id)
    }
  }
  await Promise.all(workers.map(learn))
}

/** Retries some acknowledged requests: their responses must be the same, byte for byte. */
export async function replaySome(workers: Worker[], send: Send, { below }: Choices, count: number): Promise<number> {
  const keyed = workers.flatMap(({ operations }) => operations.filter((operation) => acknowledged(operation) && operation.sent.key !== undefined))
  const chosen = Array.from({ length: Math.min(count, keyed.length) }, () => keyed[below(keyed.length)] as Operation)
  const replay = async ({ kind, label, sent, answer: first }: Operation) => {
    const again = await sendUntilClear(send, sent)
    if (again.status !== first?.status || again.text !== first.text || again.etag !== first.etag) {
      throw new Violation(
        `the replay of ${kind} ${label} differs: ${first?.status} ${first?.etag} ${first?.text} became ${again.status} ${again.etag} ${again.text}`,
      )
    }
    if (!again.replayed) throw new Violation(`the replay of ${kind} ${label} is not marked as one`)
  }
  await Promise.all(chosen.map(replay))
  return chosen.length
}

/** Follows the events over HTTP from where the last round ended: their sequences must continue without a gap. */
export async function followEvents(send: Send, after: number): Promise<number> {
  for (let last = after; ; ) {
    const answer = await sendUntilClear(send, { method: 'GET', path: `/v1/events?per_page=100&after=${last}` })
    if (answer.status !== 200) throw new Violation(`GET /v1/events was answered ${answer.status} ${answer.text}`)
    const { data, meta } = JSON.parse(answer.text) as { data: { sequence: number }[]; meta: { has_more: boolean } }
    for (const { sequence } of data) {
      if (sequence !== last + 1) throw new Violation(`event ${sequence} follows event ${last}`)
      last = sequence
    }
    if (!meta.has_more) return last
  }
}

/** The events of the customer load; money has events of its own. */
const customerEvents = "with customer_events as (select * from events where type like 'customer.%')"

/** Each query finds violations. Written so that its time grows with the events and not with their square: a run may have 200 rounds. */
const forbidden: [what: string, query: string][] = [
  [
    'a customer without exactly one created event',
    "select c.id from customers c left join customer_events e on e.business_id = c.business_id and e.object_id = c.id and e.type = 'customer.created' group by c.id having count(e.id) <> 1",
  ],
  ['an object with two created events', "select object_id from customer_events where type = 'customer.created' group by object_id having count(*) > 1"],
  ['a request that created two objects', "select data->>'name' from customer_events where type = 'customer.created' group by 1 having count(*) > 1"],
  ['a request that had two effects', "select data->>'name' from customer_events where type <> 'customer.deleted' group by 1 having count(*) > 1"],
  [
    'an event without its object',
    "select e.id from customer_events e where e.object_id not in (select id from customers) and e.object_id not in (select object_id from customer_events where type = 'customer.deleted')",
  ],
  [
    'a deleted event whose object is still there',
    "select e.id from customer_events e join customers c on c.id = e.object_id where e.type = 'customer.deleted'",
  ],
  ['an object deleted twice', "select object_id from customer_events where type = 'customer.deleted' group by object_id having count(*) > 1"],
  [
    'an object changed without having been created',
    "select object_id from customer_events group by object_id having count(*) filter (where type = 'customer.created') <> 1",
  ],
  [
    'a version that differs from the number of updated events',
    "select c.id from customers c left join customer_events e on e.object_id = c.id and e.type = 'customer.updated' group by c.id, c.version having c.version <> count(e.id) + 1",
  ],
  [
    'an object that differs from its last event',
    "select c.id from customers c join (select distinct on (object_id) object_id, data from customer_events order by object_id, sequence desc) last on last.object_id = c.id where last.data->>'name' is distinct from c.name",
  ],
  [
    'a created event that is not the first of its object, or a deleted event that is not the last',
    "select object_id from customer_events group by object_id having min(sequence) <> min(sequence) filter (where type = 'customer.created') or max(sequence) <> coalesce(max(sequence) filter (where type = 'customer.deleted'), max(sequence))",
  ],
  ['an event without a place', 'select id from events where sequence is null'],
  [
    'sequences with a gap, or a counter that differs from them',
    'select p.business_id from event_positions p join events e on e.business_id = p.business_id group by p.business_id, p.last_sequence having count(*) <> max(e.sequence) or min(e.sequence) <> 1 or max(e.sequence) <> p.last_sequence',
  ],
  [
    'a remembered answer without its object',
    "select k.key from idempotency_keys k where k.key like 'key-%' and k.status in (200, 201) and k.body <> '' and (k.body::json->>'id')::uuid not in (select object_id from customer_events where type = 'customer.created')",
  ],
]

/** Searches the whole database for violations. An event of a job that runs at this moment has a moment to be sequenced. */
export async function checkDatabase(pool: pg.Pool): Promise<void> {
  for (const [what, query] of forbidden) {
    for (let attempt = 0; ; attempt++) {
      const { rows } = await pool.query(`${customerEvents} ${query} limit 3`)
      if (rows.length === 0) break
      if (attempt === 30) throw new Violation(`${what}: ${JSON.stringify(rows)}`)
      await sleep(100)
    }
  }
}

/** Compares everything that was acknowledged, and everything whose outcome is known by now, with the database. */
export async function checkAcknowledged(workers: Worker[], pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ id: string; name: string; version: number; external_id: string | null }>(
    'select id, name, version, external_id from customers',
  )
  const there = new Map(rows.map((row) => [row.id, row]))
  for (const { owned } of workers) {
    for (const known of owned) {
      const row = there.get(known.id)
      there.delete(known.id)
      if (known.deleted !== (row === undefined))
        throw new Violation(`customer ${known.id} ${row ? 'was deleted and is there' : 'was acknowledged and is gone'} (${known.name})`)
      if (row && (row.name !== known.name || row.version !== known.version)) {
        throw new Violation(`customer ${known.id} should be ${known.name} in version ${known.version} and is ${row.name} in version ${row.version}`)
      }
    }
  }
  const strange = [...there.values()].find((row) => !row.external_id?.startsWith('shared-'))
  if (strange) throw new Violation(`customer ${strange.id} (${strange.name}) exists, and no request that could have made it is known`)
  await checkLabels(workers, pool)
}

/** Every acknowledged change has exactly one event, found by the name that it set. */
async function checkLabels(workers: Worker[], pool: pg.Pool): Promise<void> {
  const changes = workers.flatMap(({ operations }) => operations.filter((one) => acknowledged(one) && one.kind !== 'delete' && one.kind !== 'nothing'))
  const { rows } = await pool.query<{ label: string; count: number }>(
    "select data->>'name' as label, count(*)::int as count from events where type <> 'customer.deleted' and data->>'name' = any($1) group by 1",
    [changes.map(({ label }) => label)],
  )
  const counts = new Map(rows.map(({ label, count }) => [label, count]))
  for (const { kind, label } of changes) {
    if (counts.get(label) !== 1) throw new Violation(`the acknowledged ${kind} ${label} has ${counts.get(label) ?? 0} events`)
  }
}
