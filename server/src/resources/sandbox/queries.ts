import type { Db } from '#foundation/database/database.ts'

/** The business and the payment request of the first of these payment references that exists. */
export async function findPaymentReference(db: Db, references: string[]): Promise<{ business_id: string; target_id: string } | undefined> {
  if (references.length === 0) return undefined
  const found = await db
    .selectFrom('directory')
    .select(['lookup', 'business_id', 'target_id'])
    .where('lookup', 'in', references)
    .where('kind', '=', 'payment_reference')
    .execute()
  const place = ({ lookup }: { lookup: string }) => references.indexOf(lookup)
  return found.sort((a, b) => place(a) - place(b))[0]
}
