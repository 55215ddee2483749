import type { Texts } from '../ui/texts.tsx'
import type { CheckoutState } from './state.ts'

/** What a method is called: schemes have names, cards are called so in the payer's language. */
export function nameOf({ methods }: Pick<CheckoutState, 'methods'>, code: string, t: Texts['t']): string {
  if (code === 'card') return t('methods.card')
  return methods.find((method) => method.code === code)?.name ?? code
}
