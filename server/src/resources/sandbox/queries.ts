import type { Db } from '../../foundation/database/database.ts'

/** The business and the payment request behind a payment reference. */
export async function findPaymentReference(db: Db, reference: string): Promise<{ business_id: string; target_id: string } | undefined> {
  return db
    .selectFrom('directory')
    .select(['business_id', 'target_id'])
    .where('lookup', '=', reference)
    .where('kind', '=', 'payment_reference')
    .executeTakeFirst()
}
