/** The wallets of a business, as HitPay names them (behaviour §7.11); none of these can go below zero. */
export const wallets = ['available', 'pending', 'reserve', 'deposit'] as const
export type Wallet = (typeof wallets)[number]

/**
 * An account in a business's books. In addition to its wallets: `clearing:<rail>` is what a rail owes the business (below zero
 * while it does), `fees` what the business has paid in fees, `sandbox` the source of play money.
 */
export type Account = Wallet | 'fees' | 'sandbox' | `clearing:${string}`

/** Whether an account may not be overdrawn. */
export function isGuarded(account: Account): boolean {
  return (wallets as readonly string[]).includes(account)
}
