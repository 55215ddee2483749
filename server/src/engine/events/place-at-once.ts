import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'

/** Waiting events of one business up to which it is worth looking whose they are. */
const mostWaiting = 100

/**
 * Whether new events of an object may get their places with their insert, by what is committed now: no endpoint has to be
 * told of them, and no earlier event of the object waits for the relay, which would place it behind them.
 */
export async function placeability(db: Db, businessIds: readonly string[]): Promise<(businessId: string, objectId: string) => boolean> {
  const { rows } = await runPrepared(
    db,
    'placeability',
    sql<{ business_id: string; listens: boolean; waiting: string[] }>`
    select b.business_id, exists (select 1 from webhook_endpoints w where w.business_id = b.business_id and w.disabled_at is null) as listens,
      array(select e.object_id from events e where e.business_id = b.business_id and e.sequence is null order by e.id limit ${mostWaiting}) as waiting
    from unnest(${[...new Set(businessIds)]}::uuid[]) as b (business_id)`,
  )
  const known = new Map(rows.map((row) => [row.business_id, row]))
  return (businessId, objectId) => {
    const business = known.get(businessId)
    return business !== undefined && !business.listens && business.waiting.length < mostWaiting && !business.waiting.includes(objectId)
  }
}

/** Where a statement of another place finds what it tells. */
export interface PlaceParts {
  /** A part of the statement with `business_id` and `placeable`, each of whose rows tells `events` events. */
  of: string
  /** What the rows of one business are numbered by. */
  orderBy: string
  events: number
}

/**
 * The parts of a statement that gives events their places as it inserts them: `placed` has the rows of `of` with `place`,
 * the last place of each that gets some, else null. A counter that someone holds is passed over, so that no writer waits
 * for it; its events wait for the relay. Whoever reads `placed` joins nothing to it.
 */
export function placeParts({ of, orderBy, events }: PlaceParts): string {
  return `
    counters as materialized (
      select c.business_id, c.last_sequence from event_positions c
      where c.business_id in (select business_id from ${of} where placeable) for update of c skip locked
    ), placed as materialized (
      select p.*, case when p.placeable then
          c.last_sequence + ${events} * count(*) filter (where p.placeable) over (partition by p.business_id order by p.${orderBy})
        end as place
      from ${of} p left join counters c on c.business_id = p.business_id
    ), counted as (
      update event_positions c set last_sequence = p.place
      from (select business_id, max(place) as place from placed where place is not null group by business_id) p where c.business_id = p.business_id
    )`
}
