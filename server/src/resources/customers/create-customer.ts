import { isOutcomeUnknown, violatedConstraint } from '../../foundation/database/database.ts'
import { groupCommit } from '../../foundation/database/group-commit.ts'
import type { Call } from '../../foundation/http/api.ts'
import { etagOf } from '../../foundation/http/etag.ts'
import { type Answer, KeyTaken, storedAnswer } from '../../foundation/http/idempotency.ts'
import { invalid } from '../../foundation/shared/errors.ts'
import { newId } from '../../foundation/shared/ids.ts'
import { type CustomerRow, insertCustomers, type NewCustomer } from './queries.ts'
import type { CustomersDeps } from './routes.ts'
import { applyTo } from './understand.ts'
import { presentCustomer, type UpdateCustomer } from './wire.ts'

/** The 422 of an external id that another customer has; any other error as it is. */
export function externalIdTaken(error: unknown): unknown {
  if (violatedConstraint(error) !== 'customers_external_id') return error
  return invalid({ external_id: ['The external id has already been taken.'] }, 'external_id_taken')
}

/**
 * Creates customers by group commit: those that arrive together share one statement and one durable commit, each with
 * its own event, idempotency record, answer and failure.
 */
export function createCustomer({ database, now, onEvent, groupAcrossBusinesses, groupRows = 256 }: CustomersDeps) {
  const commit = groupCommit<NewCustomer, boolean>({
    write: (customers) => insertCustomers(database.pool, customers),
    groupOf: groupAcrossBusinesses ? () => '' : ({ row }) => row.business_id,
    maxRows: groupRows,
    maxInFlight: groupRows === 1 ? Number.POSITIVE_INFINITY : 2, // alone in its statement, a row waits for a connection only
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  return async ({ business, claim, requestId }: Call, body: UpdateCustomer): Promise<Answer> => {
    const at = now()
    const fields = applyTo(undefined, body, business, at)
    const row: CustomerRow = { ...fields, business_id: business.id, id: newId<'customer'>(at), version: 1, created_at: at, updated_at: at }
    const shown = JSON.stringify(presentCustomer(row, business))
    const answer: Answer = { status: 201, body: shown, headers: { etag: etagOf(row), location: `/v1/customers/${row.id}` } }
    const written = await commit({ row, eventId: newId<'event'>(at), shown, requestId, answer: claim && storedAnswer(claim, row.id, answer) }).catch(
      (error: unknown) => {
        throw externalIdTaken(error)
      },
    )
    if (!written) throw new KeyTaken()
    onEvent(business.id)
    return answer
  }
}
