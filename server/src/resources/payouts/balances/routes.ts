import { listBalances } from '#engine/ledger/balances.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { BalanceList, presentBalances } from './wire.ts'

/** The balances of a business, exact at the moment of the request. */
export function balancesRoutes(api: Api, { database }: { database: Database }): void {
  const balances = api.group('Balances')
  balances.read('/v1/balances', { operationId: 'getBalances', summary: 'Get balances', answers: { 200: BalanceList } }, async ({ business }) => ({
    status: 200,
    body: JSON.stringify(presentBalances(await listBalances(database.db, business.id), business.currency)),
  }))
}
