import type { Database } from '#foundation/database/database.ts'

const page = 500

/** Does something for every business in sequence, oldest first, including those created in the meantime. */
export async function eachBusiness({ slow }: Pick<Database, 'slow'>, act: (businessId: string) => Promise<void>): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await slow.selectFrom('businesses').select('id').where('id', '>', after).orderBy('id').limit(page).execute()
    for (const { id } of rows) await act(id)
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
