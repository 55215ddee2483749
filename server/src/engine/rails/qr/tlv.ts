/** What is wrong with a QR payload, or with the input for one. */
export type QrFaultCode =
  | 'not_a_payment_code'
  | 'too_long'
  | 'bad_character'
  | 'bad_id'
  | 'bad_length'
  | 'short_value'
  | 'repeated_id'
  | 'bad_crc'
  | 'bad_value'
  | 'missing'
  | 'bad_input'

/**
 * The only error that reading or building a QR payload throws. `path` names the data object (`26.02`, or a parameter of a
 * UPI URI) or the input, `position` is the character of the payload at which it was found, counted from 0.
 */
export class QrFault extends Error {
  readonly code: QrFaultCode
  readonly path: string
  readonly position: number | undefined

  constructor(code: QrFaultCode, path: string, message: string, position?: number) {
    super(message)
    this.name = 'QrFault'
    this.code = code
    this.path = path
    this.position = position
  }
}

/** One data object: a two-digit id and its value, which may be a template of further objects. */
export interface QrObject {
  readonly id: string
  readonly value: string
}

/** A data object as read, with the character of the payload at which its value starts. */
export interface PlacedObject extends QrObject {
  readonly start: number
}

const twoDigits = /^[0-9]{2}$/

/**
 * CRC-16/CCITT-FALSE (polynomial 1021, initial value FFFF) over the UTF-8 bytes of a text, as four upper-case hexadecimal
 * digits: `123456789` is `29B1` (EMVCo MPM 4.7.3).
 */
export function crc16(text: string): string {
  let crc = 0xffff
  for (const byte of Buffer.from(text, 'utf8')) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(4, '0')
}

/**
 * Data objects as text, in the order given. Lengths count characters (Unicode code points), not bytes (EMVCo MPM 3.4).
 * Throws a `QrFault` for an id that is not two digits, a repeated id, and a value that is empty or over 99 characters.
 */
export function writeObjects(objects: readonly QrObject[], path = ''): string {
  const seen = new Set<string>()
  let text = ''
  for (const { id, value } of objects) {
    const here = joinPath(path, id)
    if (!twoDigits.test(id)) throw new QrFault('bad_id', here, `${id} is not an id of two digits`)
    if (seen.has(id)) throw new QrFault('repeated_id', here, `${here} appears twice`)
    seen.add(id)
    const length = [...value].length
    if (length < 1 || length > 99) throw new QrFault('bad_length', here, `${here} has ${length} characters; 1 to 99 are allowed`)
    text += id + String(length).padStart(2, '0') + value
  }
  return text
}

/**
 * The data objects of a payload or of a template, in their order. `path` and `offset` say where the text is in the whole.
 * Throws a `QrFault` for an id or a length that is not two digits, a length of 0, a value that ends early and a repeated
 * id.
 */
export function readObjects(text: string, path = '', offset = 0): PlacedObject[] {
  const characters = [...text]
  const objects: PlacedObject[] = []
  const seen = new Set<string>()
  let at = 0
  while (at < characters.length) {
    const id = characters.slice(at, at + 2).join('')
    if (!twoDigits.test(id)) throw new QrFault('bad_id', path, `there is no id of two digits at character ${offset + at}`, offset + at)
    const here = joinPath(path, id)
    if (seen.has(id)) throw new QrFault('repeated_id', here, `${here} appears twice`, offset + at)
    seen.add(id)
    const digits = characters.slice(at + 2, at + 4).join('')
    if (!twoDigits.test(digits) || digits === '00') throw new QrFault('bad_length', here, `${here} has no length of 01 to 99`, offset + at + 2)
    const length = Number(digits)
    const start = at + 4
    const value = characters.slice(start, start + length)
    if (value.length < length) {
      throw new QrFault('short_value', here, `${here} should have ${length} characters and has ${value.length}`, offset + start)
    }
    objects.push({ id, value: value.join(''), start: offset + start })
    at = start + length
  }
  return objects
}

/** The path of an object inside a template: `26` and `02` are `26.02`. */
export function joinPath(path: string, id: string): string {
  return path === '' ? id : `${path}.${id}`
}
