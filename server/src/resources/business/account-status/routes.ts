import { type Static, Type } from 'typebox'
import { isEnabled, providerOf } from '#engine/rails/enabled-methods.ts'
import { paymentMethods } from '#engine/rails/methods.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import type { Business } from '#foundation/shared/business.ts'
import { findSetup } from './queries.ts'

const Setup = Type.Enum(['completed', 'pending'])

const Provider = Type.Object({
  setup_status: Setup,
  payment_enabled: Type.Optional(Type.Boolean()),
  payout_enabled: Type.Optional(Type.Boolean()),
})
type Provider = Static<typeof Provider>

const AccountStatus = Type.Object(
  {
    bank_account_status: Setup,
    verification: Type.Object({
      overall_status: Setup,
      owner_verification: Type.Enum(['completed', 'pending', 'not_required']),
      business_verification: Setup,
    }),
    payment_providers: Type.Unsafe<Record<string, Provider>>({
      type: 'object',
      additionalProperties: Provider,
      description: 'The providers of the payment methods that this business accepts, by name.',
    }),
  },
  { title: 'AccountStatus' },
)
type AccountStatus = Static<typeof AccountStatus>

/** A provider's name in the status; card acquirers are named with the country. */
const nameOf = (provider: string, { country }: Business) => (provider === 'stripe' ? `stripe_${country.toLowerCase()}` : provider)

function presentStatus(business: Business, setUp: { rails: string[]; hasBankAccount: boolean }): AccountStatus {
  const isSandbox = business.mode === 'sandbox'
  const providers: Record<string, Provider> = {}
  for (const method of paymentMethods) {
    const provider = providerOf(method)
    if (provider === undefined || !isEnabled(business, method, method.currencies[0] ?? business.currency)) continue
    const isReady = isSandbox || setUp.rails.includes(provider) || (provider === 'dbs_sg' && setUp.hasBankAccount)
    const setup_status = isReady ? 'completed' : 'pending'
    providers[nameOf(provider, business)] = provider === 'stripe' ? { setup_status, payment_enabled: isReady, payout_enabled: isReady } : { setup_status }
  }
  const sorted = Object.fromEntries(Object.entries(providers).sort(([a], [b]) => (a < b ? -1 : 1)))
  return {
    bank_account_status: isSandbox || setUp.hasBankAccount ? 'completed' : 'pending',
    // The operator of Hawker knows whose business it is; there is no one to verify it.
    verification: { overall_status: 'completed', owner_verification: 'not_required', business_verification: 'completed' },
    payment_providers: sorted,
  }
}

/** How far the setup of a business is (behaviour §7.16). */
export function accountStatusRoutes(api: Api, { database }: { database: Database }): void {
  const account = api.group('Account')
  account.read(
    '/v1/account-status',
    { operationId: 'getAccountStatus', summary: 'Get the account status', answers: { 200: AccountStatus } },
    async ({ business }) => ({ status: 200, body: JSON.stringify(presentStatus(business, await findSetup(database.db, business.id))) }),
  )
}
