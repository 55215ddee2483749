import codes from 'i18n-iso-countries/codes.json' with { type: 'json' }

// The codes alone: the package's entry also loads the countries' names in 80 languages, which cost memory and nothing shows.
const alpha2 = new Set(codes.map(([code]) => code))
const fromAlpha3 = new Map(codes.map(([two, three]) => [three, two]))

/**
 * The ISO 3166-1 alpha-2 code, in upper case, of a country given as alpha-2 or alpha-3 in either case;
 * undefined when there is no such country.
 */
export function parseCountry(text: string): string | undefined {
  const code = text.trim().toUpperCase()
  if (code.length === 2) return alpha2.has(code) ? code : undefined
  if (code.length === 3) return fromAlpha3.get(code)
  return undefined
}
