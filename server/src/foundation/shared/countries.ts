import codes from 'i18n-iso-countries/codes.json' with { type: 'json' }
import english from 'i18n-iso-countries/langs/en.json' with { type: 'json' }

// Only the codes and the English names: the package's entry also loads the countries' names in 80 other languages, which cost memory and are never shown.
const alpha2 = new Set(codes.map(([code]) => code))
const englishNames = new Map<string, string | string[]>(Object.entries(english.countries))
const fromAlpha3 = new Map(codes.map(([two, three]) => [three, two]))

/** A country's English name; the code itself for one that does not exist. */
export function countryName(code: string): string {
  const names = englishNames.get(code)
  return (Array.isArray(names) ? names[0] : names) ?? code
}

/**
 * The ISO 3166-1 alpha-2 code, in upper case, of a country given as alpha-2 or alpha-3 in either case;
 * undefined if there is no such country.
 */
export function parseCountry(text: string): string | undefined {
  const code = text.trim().toUpperCase()
  if (code.length === 2) return alpha2.has(code) ? code : undefined
  if (code.length === 3) return fromAlpha3.get(code)
  return undefined
}
