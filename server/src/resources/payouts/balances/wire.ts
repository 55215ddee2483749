import { type Static, Type } from 'typebox'
import type { Balance } from '#engine/ledger/balances.ts'
import { amountAsNumber, type Currency } from '#foundation/shared/money.ts'

/** The balances of a business in one currency, by wallet (behaviour §7.11). */
export const CurrencyBalance = Type.Object(
  {
    currency: Type.String(),
    wallets: Type.Object({
      available: Type.Number({ description: 'Available for refunds and payouts.' }),
      deposit: Type.Optional(Type.Number({ description: 'Deposited by the business; play money in the sandbox. Present only if it was ever used.' })),
      pending: Type.Optional(Type.Number({ description: 'Waiting for the rail to pay out. Present only if it was ever used.' })),
      reserve: Type.Number({ description: 'Held back.' }),
    }),
  },
  { title: 'CurrencyBalance' },
)
export type CurrencyBalance = Static<typeof CurrencyBalance>

export const BalanceList = Type.Array(CurrencyBalance)

/** Balances by currency, the business's own first. `available` and `reserve` are always included, like HitPay does. */
export function presentBalances(balances: Balance[], home: Currency): CurrencyBalance[] {
  const byCurrency = new Map<Currency, CurrencyBalance>([[home, { currency: home, wallets: { available: 0, reserve: 0 } }]])
  for (const { account, currency, balanceMinor } of balances) {
    if (account !== 'available' && account !== 'deposit' && account !== 'pending' && account !== 'reserve') continue
    const shown = byCurrency.get(currency) ?? { currency, wallets: { available: 0, reserve: 0 } }
    shown.wallets[account] = amountAsNumber(balanceMinor, currency)
    byCurrency.set(currency, shown)
  }
  return [...byCurrency.values()]
}
