import countries from 'i18n-iso-countries'

/**
 * The ISO 3166-1 alpha-2 code, in upper case, of a country given as alpha-2 or alpha-3 in either case;
 * undefined when there is no such country.
 */
export function parseCountry(text: string): string | undefined {
  const code = text.trim().toUpperCase()
  if (code.length === 2) return countries.isValid(code) ? code : undefined
  if (code.length === 3) return countries.alpha3ToAlpha2(code)
  return undefined
}
