import { cardBrand, findTestCard, readCardNumber, testCardToken } from '#engine/rails/test-cards.ts'
import type { FieldErrors } from '#foundation/shared/errors.ts'

/** A card as a payer types it; every field as text. */
export interface TypedCard {
  number: string
  expiry_month: string
  expiry_year: string
  cvc: string
}

export interface CardToken {
  token: string
  brand: string
  last4: string
  country: string | null
}

/** The errors of a typed card: a message and a code for each invalid field. */
export interface CardFaults {
  errors: FieldErrors
  codes: Record<string, string>
}

type Fault = [field: keyof TypedCard, code: string, text: string]

function numberFault(number: string): Fault | undefined {
  const known = findTestCard(number)
  const hint = 'Only the published test cards work in the sandbox, for example 4242 4242 4242 4242.'
  if (!known || known.outcome.decline?.code === 'incorrect_number') return ['number', 'incorrect_number', `The card number is incorrect. ${hint}`]
  return undefined
}

/** A month is over everywhere when it is over at the date line. */
const dateLineMs = 12 * 3_600_000

function expiryFault({ expiry_month, expiry_year }: TypedCard, now: Date): Fault | undefined {
  if (!/^(0?[1-9]|1[0-2])$/.test(expiry_month)) return ['expiry_month', 'invalid_expiry_month', 'The expiry month must be 1 to 12.']
  const year = /^\d{2}$/.test(expiry_year) ? 2000 + Number(expiry_year) : Number(expiry_year)
  const present = new Date(now.getTime() - dateLineMs)
  if (!/^(\d{2}|\d{4})$/.test(expiry_year) || year > present.getUTCFullYear() + 50 || year < 2000)
    return ['expiry_year', 'invalid_expiry_year', 'The expiry year must have two or four digits.']
  if (year < present.getUTCFullYear()) return ['expiry_year', 'expired', 'The card has expired.']
  if (year === present.getUTCFullYear() && Number(expiry_month) <= present.getUTCMonth()) return ['expiry_month', 'expired', 'The card has expired.']
  return undefined
}

function cvcFault({ number, cvc }: TypedCard): Fault | undefined {
  const length = cardBrand(readCardNumber(number) ?? '') === 'amex' ? 4 : 3
  return /^\d+$/.test(cvc) && cvc.length === length ? undefined : ['cvc', 'invalid_cvc', `The security code must have ${length} digits.`]
}

/**
 * Turns a published test card into the simulator's token. Nothing is stored: the token is derived from the number, and the
 * simulator finds it again in the table of test cards.
 */
export function tokenise(card: TypedCard, now: Date): CardToken | CardFaults {
  const faults = [numberFault(card.number), expiryFault(card, now), cvcFault(card)].filter((fault) => fault !== undefined)
  const known = findTestCard(card.number)
  const token = testCardToken(card.number)
  if (faults.length > 0 || !known || !token) {
    return {
      errors: Object.fromEntries(faults.map(([field, , text]) => [field, [text]])),
      codes: Object.fromEntries(faults.map(([field, code]) => [field, code])),
    }
  }
  return { token, brand: known.card.brand, last4: known.card.last4, country: known.card.country }
}
