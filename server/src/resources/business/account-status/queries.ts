import type { Db } from '#foundation/database/database.ts'

/** What a live business has set up: its rails with credentials, and whether it has a bank account. */
export async function findSetup(db: Db, businessId: string): Promise<{ rails: string[]; hasBankAccount: boolean }> {
  const rails = await db.selectFrom('rail_credentials').select('rail').where('business_id', '=', businessId).execute()
  const account = await db.selectFrom('bank_accounts').select('id').where('business_id', '=', businessId).where('active', '=', true).limit(1).executeTakeFirst()
  return { rails: rails.map(({ rail }) => rail), hasBankAccount: account !== undefined }
}
