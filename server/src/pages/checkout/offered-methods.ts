import type { PaymentMethod } from '#engine/rails/methods.ts'
import type { Business } from '#foundation/shared/business.ts'

/** Lists up to this length are shown whole, in the merchant's order; longer ones start with what most payers choose. */
export const shortList = 6

/**
 * The methods of a request as its payer sees them. Two codes of one name and kind are one way to pay, whoever settles it (QRIS
 * has a code for businesses in Indonesia and one for those elsewhere): the code of the business's own country is used, else the
 * first that is listed.
 */
export function offeredMethods(methods: readonly PaymentMethod[], { country }: Pick<Business, 'country'>): PaymentMethod[] {
  const byName = new Map<string, PaymentMethod>()
  for (const method of methods) {
    const name = `${method.kind} ${method.name}`
    const known = byName.get(name)
    if (!known || (isOf(method, country) && !isOf(known, country))) byName.set(name, method)
  }
  const offered = [...byName.values()]
  return offered.length > shortList ? offered.sort((one, other) => rankOf(one) - rankOf(other)) : offered
}

const isOf = ({ countries }: PaymentMethod, country: string) => countries.includes(country)

/** The code of a country's own scheme, which nearly everyone there can scan; a wallet's code is for its users. */
const nationalSchemes = new Set(['PayNow', 'DuitNow QR', 'QR Ph', 'PromptPay', 'VietQR', 'QRIS', 'Pix'])

/** Pay later: for few payments, and only after an application. */
const instalments = new Set(['grabpay_paylater', 'atome', 'shopback_paylater', 'zip', 'billease_ph', 'upay'])

/** Cards and a country's own scheme come first, then the wallets of the device, then everything else in its order, then instalments. */
function rankOf({ code, kind, name }: PaymentMethod): number {
  if (kind === 'card' || nationalSchemes.has(name)) return 0
  return kind === 'wallet' ? 1 : instalments.has(code) ? 3 : 2
}
