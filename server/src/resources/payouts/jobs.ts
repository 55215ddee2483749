import type { Deps } from '#foundation/deps.ts'
import type { Polled } from '#foundation/jobs/job.ts'
import { rollBusyAccounts } from './balances/roll-accounts-job.ts'

/** The polled work of payouts. */
export function payoutsPolled({ database }: Deps): Polled[] {
  return [{ name: 'adding up accounts', everyMs: 10_000, run: () => rollBusyAccounts(database.db) }]
}
