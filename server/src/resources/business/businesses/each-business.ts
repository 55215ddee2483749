import type { Database } from '#foundation/database/database.ts'

const page = 500

/** Does something for every business, one after the other, oldest first; those made meanwhile come too. */
export async function eachBusiness({ slow }: Pick<Database, 'slow'>, act: (businessId: string) => Promise<void>): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await slow.selectFrom('businesses').select('id').where('id', '>', after).orderBy('id').limit(page).execute()
    for (const { id } of rows) await act(id)
    const last = rows.at(-1)
    if (!last || rows.length < page) return
    after = last.id
  }
}

/** What one batch of a walk over a business's oldest rows did; `last` is the id that it ended at. */
export interface Forgotten {
  looked: number
  forgotten: number
  last: string
}

/** Walks over a business's rows from the oldest on, batch by batch, until one is not full; says how many went. */
export async function forgetInBatches(size: number, batch: (after: string) => Promise<Forgotten>): Promise<number> {
  let forgotten = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const done = await batch(after)
    forgotten += done.forgotten
    if (done.looked < size) return forgotten
    after = done.last
  }
}
