import { ownValue } from '@hawker/web/own-value'

/**
 * How names, email addresses and phone numbers become text that an index can search by its parts.
 *
 * Every character outside ASCII is encoded in five ASCII capitals, the first of A–M and the others of N–Z: a
 * match can start only at a character, every script is searched alike, and the server's locale does not matter.
 * The index contains grams: numbers computed from a few adjacent characters and from the business. So a search reads only the
 * entries of its own business, however many others there are.
 */
const inherent: Record<string, string> = { đ: 'd', ð: 'd', ø: 'o', ł: 'l', ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ı: 'i', ς: 'σ' }
const withoutDecomposition = new RegExp(`[${Object.keys(inherent).join('')}]`, 'g')

/** Lower case without accents: `Nguyễn` is `nguyen`. Marks of scripts in which they are vowels are kept. */
export function fold(text: string): string {
  const bare = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
  return bare.replace(withoutDecomposition, (letter) => ownValue(inherent, letter) ?? letter).normalize('NFC')
}

function spell(codePoint: number): string {
  let rest = codePoint
  let tail = ''
  for (let i = 0; i < 4; i++) {
    tail = String.fromCharCode(78 + (rest % 13)) + tail
    rest = Math.floor(rest / 13)
  }
  return String.fromCharCode(65 + (rest % 13)) + tail
}

/** Nearly every text: nothing to fold except capitals. */
const plain = /^[\x20-\x7e]*$/

/** Folded text in which white space is one space and every character outside ASCII is encoded in capitals. */
export function searchable(text: string): string {
  if (plain.test(text)) return text.toLowerCase().replace(/ +/g, ' ').trim()
  let out = ''
  for (const character of fold(text)) {
    const codePoint = character.codePointAt(0) ?? 32
    if (codePoint <= 32) out += ' '
    else out += codePoint < 127 ? character : spell(codePoint)
  }
  return out.replace(/ +/g, ' ').trim()
}

/** The searchable text of a row: each part on its own line, each word after a space, so that `% ta%` finds the start of a word. */
export function searchTextOf(parts: (string | null | undefined)[]): string {
  return parts
    .map((part) => (part ? searchable(part) : ''))
    .filter((part) => part !== '')
    .map((part) => ` ${part}`)
    .join('\n')
}

/**
 * The LIKE pattern for one keyword. Three characters or more match anywhere; one or two match only at the start of a word,
 * because there they form a gram with the space before them. Characters outside ASCII count as five.
 */
export function searchPattern(keyword: string): string | undefined {
  // Phone numbers are in the search text with and without their `+`, but not at the same place. A keyword with letters that would
  // be too short to match anywhere keeps it: it is looked for at the start of a word, where the `+` is.
  const whole = searchable(keyword)
  const number = whole.replace(/^\+(?=\d)/, '')
  const text = number.length < 3 && !/^\d+$/.test(number) ? whole : number
  if (text === '') return undefined
  return text.length < 3 ? `% ${literal(text)}%` : `%${literal(text)}%`
}

/** The LIKE pattern for a whole part of a row, such as its phone number; undefined if there is nothing to look for. */
export function partPattern(part: string): string | undefined {
  const text = searchable(part)
  return text === '' ? undefined : `% ${literal(text)}%`
}

const literal = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`)

/** Where a business's grams start, so that equal letters of two businesses are different numbers. */
function seedOf(businessId: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < businessId.length; i++) hash = Math.imul(hash ^ businessId.charCodeAt(i), 0x01000193)
  return hash
}

/** One gram as a signed 32-bit number: FNV-1a over the characters, then mixed, so that similar texts give distant numbers. */
function gram(seed: number, text: string, from: number, length: number): number {
  let hash = seed
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) | 0
}

/** How many letters encode the character at a position. */
function lettersAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 65 && code <= 77 ? 5 : 1
}

/**
 * Calls `use` with the start and end of each gram of a line of search text: three adjacent ASCII characters, a space with
 * the character after it, each other character by itself, and with each of its neighbors.
 */
function forEachGram(line: string, use: (from: number, until: number) => void): void {
  for (let at = 0; at < line.length; ) {
    const next = at + lettersAt(line, at)
    if (next - at > 1) use(at, next)
    if (next < line.length) {
      const second = next + lettersAt(line, next)
      if (second - at > 2 || line[at] === ' ') use(at, second)
      if (second - at === 2 && second < line.length && lettersAt(line, second) === 1) use(at, second + 1)
    }
    at = next
  }
}

/** The grams of a row's search text. */
export function gramsOf(searchText: string, businessId: string): number[] {
  const seed = seedOf(businessId)
  const grams = new Set<number>()
  for (const line of searchText.split('\n')) forEachGram(line, (from, until) => grams.add(gram(seed, line, from, until - from)))
  return [...grams]
}

/** The share of rows that have a gram, for grams that many have; undefined for all others. */
export type GramFrequency = (gram: number) => number | undefined

/** Grams that are looked up for each word of a pattern, and for a pattern at least and at most: what they find is compared with it anyway. */
const askedPerWord = 2
const askedAtLeast = 4
const askedAtMost = 8

/** The assumed frequency of an unknown gram, by its number of characters: some letter of a script, or some three of them. */
const frequencyOfOne = 0.2
const frequencyOfMore = 0.01

/**
 * Grams that every row matching a pattern of `searchPattern` or `partPattern` has: the rarest of them, since the index reads
 * the rows of each gram that is looked up, from several words, and adjacent rather than overlapping.
 */
export function patternGrams(pattern: string, businessId: string, frequencyOf: GramFrequency = () => undefined): number[] {
  const text = pattern.slice(1, -1).replace(/\\(.)/g, '$1')
  const seed = seedOf(businessId)
  const known: { gram: number; from: number; until: number; word: number; frequency: number }[] = []
  let words = 1
  let seen = 0
  forEachGram(text, (from, until) => {
    if (from > seen && text[from] === ' ') words += 1
    seen = from
    const value = gram(seed, text, from, until - from)
    const isOne = until - from === 5 || until - from === 2
    known.push({ gram: value, from, until, word: words, frequency: frequencyOf(value) ?? (isOne ? frequencyOfOne : frequencyOfMore) })
  })
  const chosen: typeof known = []
  const wanted = Math.min(known.length, askedAtMost, Math.max(askedAtLeast, askedPerWord * words))
  while (chosen.length < wanted) {
    const costs = known.map(({ frequency, from, until, word }) => {
      const overlaps = chosen.some((other) => from < other.until && until > other.from)
      return frequency * (overlaps ? 8 : 1) * (1 + chosen.filter((other) => other.word === word).length)
    })
    const [best] = known.splice(costs.indexOf(Math.min(...costs)), 1)
    if (best) chosen.push(best)
  }
  return [...new Set(chosen.map((one) => one.gram))]
}
