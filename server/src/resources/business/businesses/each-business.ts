import type { Database } from '#foundation/database/database.ts'
import type { Due } from '#foundation/shared/clock.ts'

const page = 500

/** Does something for the businesses whose work is due, one after the other, oldest first; those made meanwhile come too. */
export async function eachBusiness({ slow }: Pick<Database, 'slow'>, due: Due, act: (businessId: string) => Promise<void>): Promise<void> {
  if (due.businessId !== undefined) return act(due.businessId)
  const except = new Set(due.except)
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await slow.selectFrom('businesses').select('id').where('id', '>', after).orderBy('id').limit(page).execute()
    for (const { id } of rows) if (!except.has(id)) await act(id)
    const last = rows.at(-1)
    if (!last || rows.length < page) return
    after = last.id
  }
}

/** The result of one batch over a business's oldest rows; `last` is the id at which it ended. */
export interface Forgotten {
  looked: number
  forgotten: number
  last: string
}

/** Goes through a business's rows from the oldest on, batch by batch, until one is not full; returns how many were deleted. */
export async function forgetInBatches(size: number, batch: (after: string) => Promise<Forgotten>): Promise<number> {
  let forgotten = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const done = await batch(after)
    forgotten += done.forgotten
    if (done.looked < size) return forgotten
    after = done.last
  }
}
