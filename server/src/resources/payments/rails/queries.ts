import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'

/** A business's access to one of its rails. */
export interface RailKey {
  businessId: string
  rail: string
}

/** The stored, encrypted access to rails; undefined for those that are not set up. */
export async function findRailCredentials(db: Db, keys: RailKey[]): Promise<(string | undefined)[]> {
  const { rows } = await runPrepared(
    db,
    'find_rail_credentials',
    sql<{ business_id: string; rail: string; data_encrypted: string }>`
    select c.business_id, c.rail, c.data_encrypted
    from ${rowsSql(
      'wanted',
      { business_id: 'uuid', rail: 'text' },
      keys.map(({ businessId, rail }) => ({ business_id: businessId, rail })),
    )} join rail_credentials c on ${sameBusinessSql('c', 'wanted', businessesOf(keys))} and c.rail = wanted.rail`,
  )
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.rail}`, row.data_encrypted]))
  return keys.map(({ businessId, rail }) => found.get(`${businessId} ${rail}`))
}

/** Stores a business's access to a rail, replacing an earlier one. */
export async function saveRailCredentials(tx: Db, businessId: string, rail: string, dataEncrypted: string, at: Date): Promise<void> {
  await tx
    .insertInto('rail_credentials')
    .values({ business_id: businessId, rail, data_encrypted: dataEncrypted, created_at: at, updated_at: at })
    .onConflict((conflict) => conflict.columns(['business_id', 'rail']).doUpdateSet({ data_encrypted: dataEncrypted, updated_at: at }))
    .execute()
}

/** Removes a business's access to a rail; false if it had none. */
export async function deleteRailCredentials(tx: Db, businessId: string, rail: string): Promise<boolean> {
  const deleted = await tx.deleteFrom('rail_credentials').where('business_id', '=', businessId).where('rail', '=', rail).executeTakeFirst()
  return deleted.numDeletedRows === 1n
}

/** A bank account into which PayNow payers pay, by its proxy. */
export interface PayNowAccount {
  proxy_type: string
  proxy_value: string
  name: string
}

/** The account on which a business accepts PayNow: the first active one in SGD that has a proxy. */
export async function findPayNowAccount(db: Db, businessId: string): Promise<PayNowAccount | undefined> {
  const row = await db
    .selectFrom('bank_accounts')
    .select(['proxy_type', 'proxy_value', 'name'])
    .where('business_id', '=', businessId)
    .where('currency', '=', 'sgd')
    .where('active', '=', true)
    .where('proxy_value', 'is not', null)
    .orderBy('id')
    .executeTakeFirst()
  return row?.proxy_type && row.proxy_value ? { proxy_type: row.proxy_type, proxy_value: row.proxy_value, name: row.name } : undefined
}

/** A rail's notification that was acted on. */
export interface NotedNotification {
  business_id: string
  rail: string
  /** The rail's id of the notification. */
  rail_event_id: string
  received_at: Date
}

const noted = { business_id: 'uuid', rail: 'text', rail_event_id: 'text', received_at: 'timestamptz' } as const

/** The statement that records notifications of rails; one that was recorded before is left unchanged. */
export function insertNotificationsSql(rows: NotedNotification[]): RawBuilder<unknown> {
  return sql`
    insert into rail_notifications (business_id, rail, rail_event_id, received_at) select * from ${rowsSql('noted', noted, rows)}
    on conflict (business_id, rail, rail_event_id) do nothing`
}
