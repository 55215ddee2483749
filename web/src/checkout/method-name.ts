import type { Texts } from '../ui/texts.tsx'
import type { CheckoutState } from './state.ts'

/** The name of a method: schemes have names, cards are called so in the payer's language. */
export function nameOf({ methods, attempt, paid }: Pick<CheckoutState, 'methods' | 'attempt' | 'paid'>, code: string, t: Texts['t']): string {
  if (code === 'card') return t('methods.card')
  const told = [paid, attempt].find((payment) => payment?.method === code)?.method_name
  return methods.find((method) => method.code === code)?.name ?? told ?? code
}
