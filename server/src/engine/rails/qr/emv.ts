import { type Currency, exponentOf, formatAmount, parseAmount } from '#foundation/shared/money.ts'
import { crc16, joinPath, type PlacedObject, QrFault, type QrObject, readObjects, writeObjects } from './tlv.ts'

/** The schemes that a payload is recognized as; `emv` is a valid EMVCo payload of none of them. */
export type QrScheme = 'paynow' | 'promptpay' | 'promptpay_bill' | 'qris' | 'qrph' | 'duitnow' | 'vietqr' | 'fps' | 'pix' | 'upi' | 'emv'

/** The payee, according to a scheme's own account template. */
export interface QrAccount {
  scheme: QrScheme
  /** The id of the template in the payload; for some schemes it is anywhere between 26 and 51. */
  template: string
  /** The kind of address of the proxy, in the scheme's terms: `uen`, `mobile`, `bank_account` … */
  proxyType: string
  proxy: string
  /** The bank, acquirer or issuer of the address, if the scheme names one. */
  institution: string | null
  /** Whether the payer may change the amount; null if the scheme does not say. */
  editable: boolean | null
  expiresAt: Date | null
  /** The reference that the scheme stores next to the address, if it does. */
  reference: string | null
}

/** An EMVCo payload, read and checked, before its scheme is known. */
export interface EmvCode {
  /** Top-level objects in their order. */
  objects: readonly QrObject[]
  /** Account templates (26–51), additional data (62), language (64) and those of 80–99 that are templates, by id. */
  templates: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** The value of a top-level object (`54`) or of one in a template (`62.01`). */
  value(path: string): string | undefined
  /** Violations of a standard that leave the payload readable; live codes have them. */
  warnings: string[]
}

/** ISO 4217 numbers of the currencies that the schemes use. */
const currencyNumbers: ReadonlyMap<Currency, string> = new Map([
  ['sgd', '702'],
  ['myr', '458'],
  ['thb', '764'],
  ['idr', '360'],
  ['php', '608'],
  ['vnd', '704'],
  ['inr', '356'],
  ['hkd', '344'],
  ['brl', '986'],
  ['usd', '840'],
  ['khr', '116'],
  ['cny', '156'],
])
const currenciesByNumber = new Map([...currencyNumbers].map(([currency, number]) => [number, currency]))

const control = /[\p{Cc}\p{Cs}]/u
const printable = /^[\x20-\x7e]*$/
const crcEnd = /6304([0-9A-Fa-f]{4})$/
const longestPayload = 512

/** Maximum lengths by path (EMVCo MPM 1.1); longer values are read with a warning, and never written. */
const longest: Record<string, number> = { '54': 13, '59': 25, '60': 15, '61': 10 }
for (const id of ['01', '02', '03', '04', '05', '06', '07', '08']) longest[`62.${id}`] = 25

/** Objects that must be ASCII, because machines read them. Texts for people may be in any script. */
function isMachineRead(id: string): boolean {
  const number = Number(id)
  return number <= 58 || number === 61 || number === 63
}

/** The currency of an ISO 4217 number, `702` is `sgd`; undefined for one that no scheme here uses. */
export function currencyOfNumber(number: string): Currency | undefined {
  return currenciesByNumber.get(number)
}

/** Object 53 of a currency. Throws a `QrFault` for a currency with an unknown number. */
export function currencyObject(currency: Currency): QrObject {
  const number = currencyNumbers.get(currency)
  if (number === undefined) throw new QrFault('bad_input', 'currency', `no QR scheme is known to use ${currency}`)
  return { id: '53', value: number }
}

/**
 * An amount in the format of object 54: major units with a point, with the currency's decimals unless `decimals` says fewer.
 * Throws a `QrFault` if the amount is not positive, has decimals that would be lost, or has over 13 characters.
 */
export function amountText(amountMinor: bigint, currency: Currency, decimals = exponentOf(currency)): string {
  if (amountMinor <= 0n) throw new QrFault('bad_input', 'amountMinor', 'an amount must be positive; omit it to let the payer enter one')
  const text = formatAmount(amountMinor, currency)
  const [whole = '', fraction = ''] = text.split('.')
  if (/[^0]/.test(fraction.slice(decimals))) throw new QrFault('bad_input', 'amountMinor', `${text} has more than ${decimals} decimals`)
  const short = decimals > 0 && fraction !== '' ? `${whole}.${fraction.slice(0, decimals)}` : whole
  if (short.length > 13) throw new QrFault('bad_input', 'amountMinor', `${short} is longer than 13 characters`)
  return short
}

/** Object 54 of an amount, none if the payer enters it. Errors as `amountText`. */
export function amountObjects(amountMinor: bigint | undefined, currency: Currency, decimals?: number): QrObject[] {
  return amountMinor === undefined ? [] : [{ id: '54', value: amountText(amountMinor, currency, decimals) }]
}

/** A template of the given values, in that order; no object if there are none. */
export function template(id: string, values: readonly (readonly [id: string, value: string | undefined])[]): QrObject[] {
  const inner = values.flatMap(([innerId, value]) => (value === undefined ? [] : [{ id: innerId, value }]))
  return inner.length === 0 ? [] : [{ id, value: writeObjects(inner, id) }]
}

/**
 * A text for a code: printable ASCII of 1 to `longest` characters that matches `pattern`. Returns it.
 * Throws a `QrFault` that names the input otherwise; nothing is cut or replaced silently.
 */
export function requireText(input: string, text: string, longest: number, pattern = printable): string {
  if (text.length < 1 || text.length > longest || !printable.test(text) || !pattern.test(text)) {
    throw new QrFault('bad_input', input, `${input} must be 1 to ${longest} characters of the allowed kind, and is ${JSON.stringify(text.slice(0, 60))}`)
  }
  return text
}

/**
 * A name or a purpose as a code can contain it: without accents and without anything that is not printable ASCII, cut to
 * `longest` characters; `otherwise` if nothing remains. For display names only: an address or a reference must never be cut.
 */
export function fitText(text: string, longest: number, otherwise = 'NA'): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll('đ', 'd')
    .replaceAll('Đ', 'D')
    .replace(/[^\x20-\x7e]/g, '')
    .replace(/ +/g, ' ')
    .trim()
    .slice(0, longest)
    .trim()
  return plain === '' ? otherwise : plain
}

/**
 * A payload of the given objects, with its CRC as the last. The caller chooses the order, because schemes differ in it;
 * the standard fixes only that 00 is first and 63 last. Throws a `QrFault` if an object or the whole payload is too long.
 */
export function writeEmv(objects: readonly QrObject[]): string {
  const open = `${writeObjects(objects)}6304`
  if ([...open].length + 4 > longestPayload) throw new QrFault('too_long', '', `a payload has at most ${longestPayload} characters`)
  return open + crc16(open)
}

/** Reads an EMVCo payload: its format, its CRC and its templates. Throws a `QrFault` that says where it is broken. */
export function readEmv(payload: string): EmvCode {
  if (!payload.startsWith('0002')) throw new QrFault('not_a_payment_code', '00', 'an EMVCo payload begins with 0002', 0)
  const characters = [...payload]
  if (characters.length > longestPayload) throw new QrFault('too_long', '', `a payload has at most ${longestPayload} characters`, longestPayload)
  const bad = characters.findIndex((character) => control.test(character))
  if (bad >= 0) throw new QrFault('bad_character', '', `there is a control character at ${bad}`, bad)
  const found = crcEnd.exec(payload)?.[1]
  if (found === undefined) throw new QrFault('bad_crc', '63', 'the payload does not end with a CRC, 6304 and four hexadecimal digits', characters.length)
  const right = crc16(payload.slice(0, -4))
  if (found.toUpperCase() !== right) throw new QrFault('bad_crc', '63', `the CRC is ${found} but should be ${right}`, characters.length - 4)
  const placed = readObjects(payload)
  if (placed.at(-1)?.id !== '63') throw new QrFault('missing', '63', 'the CRC is not the last object', characters.length)
  for (const { id, value, start } of placed) {
    if (isMachineRead(id) && !printable.test(value)) throw new QrFault('bad_character', id, `${id} has a character outside ASCII`, start)
  }
  return understand(placed)
}

function understand(placed: readonly PlacedObject[]): EmvCode {
  const templates = new Map<string, ReadonlyMap<string, string>>()
  const values = new Map(placed.map(({ id, value }) => [id, value]))
  for (const object of placed) {
    const inner = readTemplate(object)
    if (!inner) continue
    templates.set(object.id, new Map(inner.map(({ id, value }) => [id, value])))
    for (const { id, value } of inner) values.set(joinPath(object.id, id), value)
  }
  const version = values.get('00') ?? ''
  if (version !== '01' && version !== '02') throw new QrFault('bad_value', '00', `the payload format is ${version}; only 01 and 02 are known`, 4)
  const warnings = Object.entries(longest).flatMap(([path, limit]) => {
    const length = [...(values.get(path) ?? '')].length
    return length > limit ? [`${path} has ${length} characters; the standard allows ${limit}`] : []
  })
  for (const path of ['59', '60']) if (!printable.test(values.get(path) ?? '')) warnings.push(`${path} has characters outside ASCII`)
  return { objects: placed.map(({ id, value }) => ({ id, value })), templates, value: (path) => values.get(path), warnings }
}

/** 80–99 are templates by the standard, yet DuitNow (82) and MoMo (80) put plain values there: those are left as they are. */
function readTemplate({ id, value, start }: PlacedObject): PlacedObject[] | undefined {
  const number = Number(id)
  if ((number >= 26 && number <= 51) || number === 62 || number === 64) return readObjects(value, id, start)
  if (number < 80) return undefined
  try {
    return readObjects(value, id, start)
  } catch {
    return undefined
  }
}

/**
 * The amount of object 54 in minor units. Undefined if it is absent. Throws a `QrFault` for anything that is not a positive
 * decimal of the currency. `98.` is valid by the standard and read as 98; an amount of zero is not, and is rejected.
 */
export function readAmount(code: EmvCode, currency: Currency | undefined): bigint | undefined {
  const text = code.value('54')
  if (text === undefined) return undefined
  if (!/^\d+(\.\d*)?$/.test(text)) throw new QrFault('bad_value', '54', `${text} is not an amount`)
  if (currency === undefined) return undefined
  const amount = parseAmount(text.replace(/\.$/, ''), currency)
  if (amount === undefined) throw new QrFault('bad_value', '54', `${text} is not an amount in ${currency}`)
  if (amount === 0n) throw new QrFault('bad_value', '54', 'an amount must not be zero')
  return amount
}

/** The account template whose globally unique identifier (sub-id 00) is one of `identifiers`, in either case. */
export function findTemplate(code: EmvCode, identifiers: readonly string[]): { id: string; values: ReadonlyMap<string, string> } | undefined {
  for (const [id, values] of code.templates) {
    const number = Number(id)
    if (number < 26 || number > 51) continue
    if (identifiers.includes((values.get('00') ?? '').toUpperCase())) return { id, values }
  }
  return undefined
}
