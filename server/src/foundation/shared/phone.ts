import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'

/**
 * A phone number in E.164 (`+6591234567`), or null if it does not parse as a possible number.
 * `callingCode` is HitPay's `phone_number_country_code`, with or without `+`; without it, a number that has no
 * international prefix is read as one of the business's own country (ISO 3166 alpha-2).
 */
export function toE164(number: string, callingCode: string | null, country: string): string | null {
  const digits = callingCode?.replace(/\D/g, '')
  const text = number.trim()
  const options = digits ? { defaultCallingCode: digits } : isSupportedCountry(country) ? { defaultCountry: country as CountryCode } : undefined
  try {
    const parsed = parsePhoneNumberFromString(text, options)
    return parsed?.isPossible() ? parsed.number : null
  } catch {
    return null
  }
}
