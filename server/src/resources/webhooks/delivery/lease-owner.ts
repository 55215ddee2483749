import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import type { Db } from '#foundation/database/database.ts'
import { dueBusinessSql } from '#foundation/database/due.ts'
import type { Due } from '#foundation/shared/clock.ts'

/** The first half of the locks that prove that a sender is alive: `HWK1`. */
const lockClass = 0x48574b31

/** The number under which a process leases deliveries. */
export interface LeaseOwner {
  /** Its number, whose lock is held; a new one only if the lock of the last one could not be acquired again. */
  number(): Promise<number>
  /** Releases the lock; the leases under the number may be released by others. */
  release(): Promise<void>
}

interface Held {
  client: pg.Client
  number: number
}

/**
 * A number for this process and an advisory lock on it, on a dedicated connection: PostgreSQL releases the lock
 * with the process, however it ends. Connects when the number is first needed. A connection that breaks is reopened
 * immediately, for the same number: what is in flight under it is still being sent, and must not be released by others.
 */
export function createLeaseOwner(pool: pg.Pool): LeaseOwner {
  let held: Promise<Held> | undefined
  let isReleased = false

  async function take(lose: () => void, wanted: number | undefined): Promise<Held> {
    const client = new pg.Client(pool.options)
    client.on('error', lose)
    client.on('end', lose)
    await client.connect()
    for (let number = wanted ?? randomNumber(); ; number = randomNumber()) {
      const { rows } = await client.query('select pg_try_advisory_lock($1, $2) as taken', [lockClass, number])
      if (rows[0].taken) return { client, number }
    }
  }

  function hold(wanted?: number): Promise<Held> {
    let isLost = false
    const lose = () => {
      if (isLost) return
      isLost = true
      if (held !== mine) return
      held = undefined
      // A connection that never opened is retried when a number is needed; otherwise, a database that is down would be tried endlessly.
      mine.then(
        ({ number }) => {
          if (!isReleased && held === undefined) void hold(number)
        },
        () => undefined,
      )
    }
    const mine: Promise<Held> = take(lose, wanted)
    mine.catch(lose)
    if (!isLost) held = mine
    return mine
  }

  return {
    number: async () => (await (held ?? hold())).number,
    async release() {
      isReleased = true
      const one = await held?.catch(() => undefined)
      held = undefined
      await one?.client.end().catch(() => undefined)
    },
  }
}

const randomNumber = () => randomInt(1, 2 ** 31 - 1)

/** A skip scan over the queue's index: one step per lane, however long the lanes are. */
const lanes = sql`
  with recursive lanes as (
    (select business_id, lane from webhook_queue order by business_id, lane limit 1)
    union all
    select next.* from lanes, lateral (
      select q.business_id, q.lane from webhook_queue q where (q.business_id, q.lane) > (lanes.business_id, lanes.lane)
      order by q.business_id, q.lane limit 1) next
  )`

/**
 * Makes deliveries due again whose lease belongs to a process that is gone, and returns their businesses. Living owners are
 * queried after the leases were read, so a process that starts in the meantime loses nothing.
 */
export async function giveBackLeases(db: Db, due: Due, longestLeaseMs: number): Promise<string[]> {
  const now = due.until
  const until = new Date(now.getTime() + longestLeaseMs)
  const leased = sql`lanes, lateral (
    select q.business_id, q.delivery_id, q.owner from webhook_queue q
    where q.business_id = lanes.business_id and q.lane = lanes.lane and q.due_at > ${now} and q.due_at <= ${until} and q.owner is not null
      and ${dueBusinessSql(due, sql`q.business_id`)}`
  const { rows: holding } = await sql<{ owner: number }>`${lanes} select distinct leased.owner from ${leased}) leased`.execute(db)
  if (holding.length === 0) return []
  const { rows: alive } = await sql<{ owner: number }>`
    select objid::int as owner from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid::int = ${lockClass}
      and database = (select oid from pg_database where datname = current_database())`.execute(db)
  const living = new Set(alive.map(({ owner }) => owner))
  const gone = holding.map(({ owner }) => owner).filter((owner) => !living.has(owner))
  if (gone.length === 0) return []
  const { rows } = await sql<{ business_id: string }>`
    ${lanes}, found as (select leased.business_id, leased.delivery_id from ${leased} and q.owner = any(${gone}::int[]) for update skip locked) leased),
    given as (
      update webhook_queue q set due_at = ${now}, owner = null from found
      where q.business_id = found.business_id and q.delivery_id = found.delivery_id returning q.business_id
    )
    select distinct business_id from given`.execute(db)
  return rows.map(({ business_id }) => business_id)
}
