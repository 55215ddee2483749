/**
 * How names, email addresses and phone numbers become text that an index can search by its parts.
 *
 * Every character outside ASCII is encoded in five ASCII capitals, the first of A–M and the others of N–Z: a
 * match can start only at a character, every script is searched alike, and the server's locale does not matter.
 * The index contains grams: numbers computed from three adjacent characters, or from a word's first one, and from the business.
 * So a search reads only the entries of its own business, however many others there are.
 */
const inherent: Record<string, string> = { đ: 'd', ð: 'd', ø: 'o', ł: 'l', ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ı: 'i', ς: 'σ' }

/** Lower case without accents: `Nguyễn` is `nguyen`. Marks of scripts in which they are vowels are kept. */
export function fold(text: string): string {
  const bare = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
  return bare.replace(/[đðøłßæœþıς]/g, (letter) => inherent[letter] ?? letter).normalize('NFC')
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

/** Folded text in which white space is one space and every character outside ASCII is encoded in capitals. */
export function searchable(text: string): string {
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
  // Numbers are in the search text with and without their `+`, but not at the same place.
  const text = searchable(keyword).replace(/^\+(?=\d)/, '')
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

/** The grams of a row's search text: every three characters of each part, and each space with the character after it. */
export function gramsOf(searchText: string, businessId: string): number[] {
  const seed = seedOf(businessId)
  const grams = new Set<number>()
  for (const part of searchText.split('\n')) {
    for (let i = 0; i + 1 < part.length; i++) {
      if (part[i] === ' ') grams.add(gram(seed, part, i, 2))
      if (i + 2 < part.length) grams.add(gram(seed, part, i, 3))
    }
  }
  return [...grams]
}

/** Grams of a long pattern that are looked up: enough to find its rows, which are compared with the pattern anyway. */
const gramsAsked = 8

/** Grams that every row matching a pattern of `searchPattern` or `partPattern` has: consecutive, and evenly thinned out if there are many. */
export function patternGrams(pattern: string, businessId: string): number[] {
  const text = pattern.slice(1, -1).replace(/\\(.)/g, '$1')
  const seed = seedOf(businessId)
  if (text.length < 3) return [gram(seed, text, 0, text.length)]
  const starts: number[] = []
  for (let i = 0; i + 3 <= text.length; i += 3) starts.push(i)
  if (text.length % 3 !== 0) starts.push(text.length - 3)
  const step = Math.max(1, starts.length / gramsAsked)
  const chosen = new Set<number>()
  for (let i = 0; i < starts.length; i += step) chosen.add(gram(seed, text, starts[Math.floor(i)] ?? 0, 3))
  return [...chosen]
}
