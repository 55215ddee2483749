import { randomBytes, randomFillSync } from 'node:crypto'
import { V7Generator } from 'uuidv7'

/** A UUID of one kind of object, so that a customer's id cannot be passed for a business's. */
export type Id<Kind extends string> = string & { readonly kind?: Kind }

const random = new Uint32Array(256)
let drawn = random.length

/** The next of the random numbers, which are drawn many at once: asking the system costs more than the rest of an id. */
function nextUint32(): number {
  if (drawn === random.length) {
    randomFillSync(random)
    drawn = 0
  }
  return random[drawn++] as number
}

const generator = new V7Generator({ nextUint32 })

/**
 * A new UUID version 7 (RFC 9562) as lower-case text. Ids made by one process increase, even within a millisecond,
 * so that sorting by id is sorting by creation.
 */
export function newId<Kind extends string>(at: Date): Id<Kind> {
  return generator.generateOrResetCore(at.getTime(), 10_000).toString()
}

/** The smallest UUID version 7 of a moment: every id made at or after `at` is greater or equal. */
export function lowestIdAt(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text is a UUID of any version, in its 36-character form. */
export function isUuid(text: string): boolean {
  return uuid.test(text)
}

const idBeginning = /^[0-9a-f]{8}(?:-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-(?:[0-9a-f]{0,4}|[0-9a-f]{4}-[0-9a-f]{0,12}))))?$/

/** The smallest and the greatest UUID that start with a text of eight hexadecimal digits or more, in lower case. */
export function idRange(beginning: string): { from: string; to: string } | undefined {
  if (!idBeginning.test(beginning)) return undefined
  const fill = (digit: string) => `${digit.repeat(8)}-${digit.repeat(4)}-${digit.repeat(4)}-${digit.repeat(4)}-${digit.repeat(12)}`.slice(beginning.length)
  return { from: beginning + fill('0'), to: beginning + fill('f') }
}

/** Crockford's alphabet: without I, L, O and U, which are misread and form words. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Random capitals and digits, five bits each, for references that people read and banks carry. */
export function randomLetters(length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += letters[nextUint32() & 31]
  return text
}

/** `bytes` random bytes in lower-case hexadecimal; for keys, salts and tokens, never for ids. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
