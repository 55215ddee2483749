import type { Db } from '#foundation/database/database.ts'

/** A business's access to a rail, encrypted; undefined when it has none. */
export async function findRailCredentials(db: Db, businessId: string, rail: string): Promise<string | undefined> {
  const row = await db.selectFrom('rail_credentials').select('data_encrypted').where('business_id', '=', businessId).where('rail', '=', rail).executeTakeFirst()
  return row?.data_encrypted
}

/** Stores a business's access to a rail in place of an earlier one. */
export async function saveRailCredentials(tx: Db, businessId: string, rail: string, dataEncrypted: string, at: Date): Promise<void> {
  await tx
    .insertInto('rail_credentials')
    .values({ business_id: businessId, rail, data_encrypted: dataEncrypted, created_at: at, updated_at: at })
    .onConflict((conflict) => conflict.columns(['business_id', 'rail']).doUpdateSet({ data_encrypted: dataEncrypted, updated_at: at }))
    .execute()
}

/** Removes a business's access to a rail; false when it had none. */
export async function deleteRailCredentials(tx: Db, businessId: string, rail: string): Promise<boolean> {
  const deleted = await tx.deleteFrom('rail_credentials').where('business_id', '=', businessId).where('rail', '=', rail).executeTakeFirst()
  return deleted.numDeletedRows === 1n
}

/** An account at a bank into which PayNow payers pay, by its proxy. */
export interface PayNowAccount {
  proxy_type: string
  proxy_value: string
  name: string
}

/** The account on which a business takes PayNow: the first active one in SGD that has a proxy. */
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

/** Notes a rail's message; false when it was noted before. */
export async function noteNotification(tx: Db, businessId: string, rail: string, eventId: string, at: Date): Promise<boolean> {
  const noted = await tx
    .insertInto('rail_notifications')
    .values({ business_id: businessId, rail, rail_event_id: eventId, received_at: at })
    .onConflict((conflict) => conflict.columns(['business_id', 'rail', 'rail_event_id']).doNothing())
    .executeTakeFirst()
  return noted.numInsertedOrUpdatedRows === 1n
}
