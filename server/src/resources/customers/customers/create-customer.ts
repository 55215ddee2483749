import type pg from 'pg'
import { isContention, isOutcomeUnknown, violatedConstraint } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import { type Answer, KeyTaken, storedAnswer } from '#foundation/http/idempotency.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { type CustomerRow, type Inserted, insertCustomers, type NewCustomer } from './queries.ts'
import { applyTo } from './understand.ts'
import { presentCustomer, type UpdateCustomer } from './wire.ts'

/** The 422 of an external id that another customer has; any other error as it is. */
export function externalIdTaken(error: unknown): unknown {
  return violatedConstraint(error) === 'customers_external_id' ? taken() : error
}

const taken = () => invalid({ external_id: ['The external id has already been taken.'] }, 'external_id_taken')

/** Rows that share an external id go into statements of their own, one after the other: the first one written wins. */
async function insertInWaves(pool: pg.Pool, customers: NewCustomer[]): Promise<Inserted[]> {
  const results = new Map<NewCustomer, Inserted>()
  for (let rest = customers; rest.length > 0; ) {
    const seen = new Set<string>()
    const wave = rest.filter(({ row }) => {
      if (row.external_id === null) return true
      const name = `${row.business_id} ${row.external_id}`
      return !seen.has(name) && seen.add(name)
    })
    const inserted = await insertCustomers(pool, wave)
    wave.forEach((customer, i) => {
      results.set(customer, inserted[i] as Inserted)
    })
    rest = wave.length === rest.length ? [] : rest.filter((customer) => !results.has(customer))
  }
  return customers.map((customer) => results.get(customer) as Inserted)
}

/**
 * Creates customers by group commit: those that arrive together share one statement and one durable commit, each with
 * its own event, idempotency record, answer and failure.
 */
export function createCustomer({ database, now, onEvent, groupAcrossBusinesses, groupRows = 256 }: Deps) {
  const commit = groupCommit<NewCustomer, Inserted>({
    write: (customers) => insertInWaves(database.writePool, customers),
    groupOf: groupAcrossBusinesses ? () => '' : ({ row }) => row.business_id,
    maxRows: groupRows,
    maxInFlight: groupRows === 1 ? Number.POSITIVE_INFINITY : 2, // alone in its statement, a row waits for a connection only
    mayWait: ({ row, answer }) => answer !== undefined || row.external_id !== null,
    waitedTooLong: isContention,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  return async ({ business, claim, requestId }: Call, body: UpdateCustomer): Promise<Answer> => {
    const at = now()
    const fields = applyTo(undefined, body, business, at)
    const row: CustomerRow = { ...fields, business_id: business.id, id: newId<'customer'>(at), version: 1, created_at: at, updated_at: at }
    const shown = JSON.stringify(presentCustomer(row, business))
    const answer: Answer = { status: 201, body: shown, headers: { etag: etagOf(row), location: `/v1/customers/${row.id}` } }
    const inserted = await commit({ row, eventId: newId<'event'>(at), shown, requestId, answer: claim && storedAnswer(claim, row.id, answer) }).catch(
      (error: unknown) => {
        throw externalIdTaken(error)
      },
    )
    if (inserted === 'key_taken') throw new KeyTaken()
    if (inserted === 'external_id_taken') throw taken()
    onEvent(business.id)
    return answer
  }
}
