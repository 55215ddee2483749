import { amountText } from './emv.ts'
import { QrFault } from './tlv.ts'

/** `local-part@handle`, according to NPCI's linking specification. */
const address = /^[A-Za-z0-9._-]{2,256}@[A-Za-z][A-Za-z0-9.-]{1,63}$/
const parameterName = /^[A-Za-z][A-Za-z0-9]{0,31}$/
const longestUri = 2048

export interface UpiCode {
  /** The payee's virtual payment address, `shop@examplebank`. */
  address: string
  /** The payee's name; any script, up to 99 characters. */
  name: string
  categoryCode?: string | undefined
  /** `tr`: our reference, up to 35 letters and digits; required if a merchant is paid. */
  reference?: string | undefined
  /** `tn`: a text for the payer, up to 50 characters. */
  note?: string | undefined
  /** In paise; if omitted, the payer enters it. */
  amountMinor?: bigint | undefined
}

/** Parameters of a `upi://pay` URI in their order. */
export type UpiParameters = readonly (readonly [name: string, value: string])[]

/**
 * A UPI payment URI (NPCI linking specification 1.6; rails standards §1.8): spaces are `%20`, `@` stays as it is.
 * Throws a `QrFault` that names the invalid input.
 */
export function buildUpi(code: UpiCode): string {
  const refuse = (input: string) => new QrFault('bad_input', input, `${input} is not valid in a UPI URI`)
  if (!address.test(code.address)) throw refuse('address')
  if (code.name.trim() === '' || code.name.length > 99) throw refuse('name')
  if (code.categoryCode !== undefined && !/^[0-9]{4}$/.test(code.categoryCode)) throw refuse('categoryCode')
  if (code.reference !== undefined && !/^[A-Za-z0-9]{1,35}$/.test(code.reference)) throw refuse('reference')
  if (code.note !== undefined && (code.note === '' || code.note.length > 50)) throw refuse('note')
  const parameters: [string, string | undefined][] = [
    ['pa', code.address],
    ['pn', code.name],
    ['mc', code.categoryCode],
    ['tr', code.reference],
    ['tn', code.note],
    ['am', code.amountMinor === undefined ? undefined : amountText(code.amountMinor, 'inr')],
    ['cu', 'INR'],
  ]
  return writeUpi(parameters.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])))
}

/** A `upi://pay` URI of the given parameters. Throws a `QrFault` for text that is not valid Unicode or has control characters. */
export function writeUpi(parameters: UpiParameters): string {
  const encode = (name: string, value: string) => {
    if (/[\p{Cc}\p{Cs}]/u.test(value)) throw new QrFault('bad_input', name, `${name} has a control character`)
    // Literal in the official sample: encoding it is valid too, but several apps do not decode an address.
    return encodeURIComponent(value).replace(/%(40|3A|2F|3D)/g, (code) => decodeURIComponent(code))
  }
  return `upi://pay?${parameters.map(([name, value]) => `${name}=${encode(name, value)}`).join('&')}`
}

/**
 * The parameters of a `upi://pay` URI, decoded, in their order. Throws a `QrFault` for another scheme, a character that is
 * not allowed in a URI, a broken percent-encoding, a parameter without `=` or repeated, and a missing or malformed `pa`.
 */
export function readUpi(uri: string): UpiParameters {
  const opening = /^upi:\/\/pay\/?\?/i.exec(uri)?.[0]
  if (opening === undefined) throw new QrFault('not_a_payment_code', '', 'a UPI code begins with upi://pay?', 0)
  if (uri.length > longestUri) throw new QrFault('too_long', '', `the URI has over ${longestUri} characters`, longestUri)
  const bad = /[^\x21-\x7e]/.exec(uri)
  if (bad) throw new QrFault('bad_character', '', `the character at ${bad.index} is not allowed in a URI`, bad.index)
  const seen = new Map<string, string>()
  let at = opening.length
  for (const part of uri.slice(opening.length).split('&')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(equals, 0))
    if (!parameterName.test(name)) throw new QrFault('bad_id', name, `there is no parameter at character ${at}`, at)
    if (seen.has(name)) throw new QrFault('repeated_id', name, `${name} appears twice`, at)
    seen.set(name, decode(name, part.slice(equals + 1), at + equals + 1))
    at += part.length + 1
  }
  const payee = seen.get('pa')
  if (payee === undefined) throw new QrFault('missing', 'pa', 'a UPI code must name its payee')
  if (!address.test(payee)) throw new QrFault('bad_value', 'pa', `${payee} is not a payment address`)
  return [...seen]
}

function decode(name: string, text: string, at: number): string {
  let value: string
  try {
    value = decodeURIComponent(text)
  } catch {
    throw new QrFault('bad_character', name, `${name} has a broken percent-encoding`, at)
  }
  if (/[\p{Cc}\p{Cs}]/u.test(value)) throw new QrFault('bad_character', name, `${name} has a control character`, at)
  return value
}
