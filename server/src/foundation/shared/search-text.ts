/**
 * How names, e-mail addresses and phone numbers become text that PostgreSQL's trigrams can search.
 *
 * Trigrams are made of what the server's locale calls letters: in many locales Tamil or Thai marks are none, and a search
 * for them would read the whole index. So everything outside ASCII is written in ASCII capitals, five to a character,
 * the first of A–M and the others of N–Z: a match can start only at a character, and every script is searched alike.
 */
const inherent: Record<string, string> = { đ: 'd', ð: 'd', ø: 'o', ł: 'l', ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ı: 'i', ς: 'σ' }

/** Lower case without accents: `Nguyễn` is `nguyen`. Marks of scripts in which they are vowels stay. */
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

/** Folded text in which white space is one space and every character outside ASCII is spelled in capitals. */
export function searchable(text: string): string {
  let out = ''
  for (const character of fold(text)) {
    const codePoint = character.codePointAt(0) ?? 32
    if (codePoint <= 32) out += ' '
    else out += codePoint < 127 ? character : spell(codePoint)
  }
  return out.replace(/ +/g, ' ').trim()
}

/** The searchable text of a row: each part on its own line, each word after a space, so that `% ta%` finds its beginning. */
export function searchTextOf(parts: (string | null | undefined)[]): string {
  return parts
    .map((part) => (part ? searchable(part) : ''))
    .filter((part) => part !== '')
    .map((part) => ` ${part}`)
    .join('\n')
}

/**
 * The LIKE pattern for one keyword. Three characters or more match anywhere; one or two match only where a word begins,
 * because two letters have no trigram of their own. Characters outside ASCII count five.
 */
export function searchPattern(keyword: string): string | undefined {
  // Numbers stand in the search text with and without their `+`, but not at the same place.
  const text = searchable(keyword).replace(/^\+(?=\d)/, '')
  if (text === '') return undefined
  return text.length < 3 ? `% ${literal(text)}%` : `%${literal(text)}%`
}

/** The LIKE pattern for a whole part of a row, such as its phone number; undefined where there is nothing to look for. */
export function partPattern(part: string): string | undefined {
  const text = searchable(part)
  return text === '' ? undefined : `% ${literal(text)}%`
}

const literal = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`)
