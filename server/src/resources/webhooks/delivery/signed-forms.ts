/**
 * What the bytes of a delivery may have been before a proxy, a framework or a merchant's own code changed them, and how to
 * describe the difference. For signature diagnosis only: a delivery is verified against what was received, nothing else.
 */

export type ChangeCode =
  | 'trailing_newline'
  | 'missing_newline'
  | 'line_endings'
  | 'byte_order_mark'
  | 'wrong_charset'
  | 'surrounding_space'
  | 'reserialised_json'
  | 'key_order'
  | 'form_instead_of_json'
  | 'body_changed'

/** How a body differs from the one that was signed. `at` is the first byte that differs, counted from 0 in what was signed. */
export interface BodyChange {
  code: ChangeCode
  message: string
  at: number
}

/** Beyond this size, no variants are tried: events are smaller (rails standards §8), and each variant costs a hash. */
const largestTried = 64 * 1024

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const escapeSlashes = (json: string) => json.replaceAll('/', '\\/')
const escapeUnicode = (json: string) => json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
/** `{"a": 1, "b": 2}`, as Python serializes; strings are skipped, so that commas inside them stay. */
const spaced = (json: string) => json.replace(/"(?:[^"\\]|\\.)*"|[,:]/g, (token) => (token.length === 1 ? `${token} ` : token))

/** Ways in which JSON is commonly serialized: compact and PHP's escapes, Python's spaces, indented by two and four spaces. */
function printings(value: unknown): string[] {
  const compact = JSON.stringify(value)
  const layouts = [compact, spaced(compact), JSON.stringify(value, null, 2), JSON.stringify(value, null, 4)]
  return layouts.flatMap((json) => [json, escapeSlashes(json), escapeUnicode(json), escapeUnicode(escapeSlashes(json))])
}

/** The value inside a body that is a form: JSON posted as a form's only name, or its fields as they were before. */
function fromForm(text: string): string[] {
  if (!/^[^\s{}[\]"]*=/.test(text) && !text.startsWith('%7B')) return []
  const fields = [...new URLSearchParams(text)]
  const whole = fields.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&')
  return [whole, ...printings(Object.fromEntries(fields))]
}

/** Bodies that may have been signed when `body` was received; the first is `body` itself, then the most likely. */
export function likelyBodies(body: Buffer, sent?: Buffer): Buffer[] {
  const text = body.toString('utf8')
  const bodies: (Buffer | string)[] = [body]
  if (sent) bodies.push(sent)
  if (body.length <= largestTried) {
    const bare = text.replace(/^\ufeff/, '').trim()
    bodies.push(bare, `${text}\n`, `${text}\r\n`, text.replaceAll('\r\n', '\n'), text.replaceAll(/\r?\n/g, '\r\n'))
    const json = parseJson(bare)
    if (json) bodies.push(...printings(json.value))
    // A UTF-8 body that was read as Latin-1 and encoded as UTF-8 again; each of its bytes is one character.
    if (/[\u0080-\u00ff]/.test(text)) bodies.push(Buffer.from(text, 'latin1'))
    else if (body.some((byte) => byte > 127)) bodies.push(Buffer.from(body.toString('latin1'), 'utf8'))
    if (!json) bodies.push(...fromForm(bare))
  }
  const seen = new Set<string>()
  return bodies
    .map((form) => (typeof form === 'string' ? Buffer.from(form, 'utf8') : form))
    .filter((form) => {
      const key = form.toString('latin1')
      return seen.has(key) ? false : seen.add(key)
    })
}

/** The first byte at which two bodies differ, or their length if they do not. */
export function firstDifference(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length)
  for (let at = 0; at < most; at++) if (a[at] !== b[at]) return at
  return most
}

/** JSON with the keys of every object sorted, so that two values are equal exactly if these texts are. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}

/** A text without the newlines at its end. A pattern would try again at each of many newlines in the middle. */
function withoutNewlines(text: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === '\n') end -= text[end - 2] === '\r' ? 2 : 1
  return text.slice(0, end)
}

/** Describes what happened between the signed body and the received one; undefined if they are the same. */
export function describeChange(signed: Buffer, arrived: Buffer): BodyChange | undefined {
  if (signed.equals(arrived)) return undefined
  const at = firstDifference(signed, arrived)
  const change = (code: ChangeCode, message: string): BodyChange => ({ code, message, at })
  const [was, is] = [signed.toString('utf8'), arrived.toString('utf8')]
  if (withoutNewlines(is) === was) return change('trailing_newline', `The body ends with a newline that was not signed (byte ${at}).`)
  if (withoutNewlines(was) === is) return change('missing_newline', `The signed body ends with a newline that was removed (byte ${at}).`)
  if (is === `\ufeff${was}`) return change('byte_order_mark', 'The body begins with a byte order mark that was not signed.')
  if (is.replaceAll('\r\n', '\n') === was.replaceAll('\r\n', '\n')) return change('line_endings', `Line endings were changed, first at byte ${at}.`)
  if (is.trim() === was.trim()) return change('surrounding_space', 'White space around the body was changed.')
  if (signed.toString('latin1') === is || arrived.toString('latin1') === was) {
    return change('wrong_charset', `The body was read as Latin-1 instead of UTF-8, first seen at byte ${at}.`)
  }
  const [wasJson, isJson] = [parseJson(was), parseJson(is)]
  if (wasJson && isJson) return describeJson(wasJson.value, isJson.value, at)
  if (wasJson && /[=&]/.test(is)) return change('form_instead_of_json', 'The body is a form, but JSON was signed. Verify the raw body before it is parsed.')
  return change('body_changed', `The body is not the one that was signed; they differ from byte ${at} on.`)
}

function describeJson(was: unknown, is: unknown, at: number): BodyChange {
  if (JSON.stringify(was) === JSON.stringify(is)) {
    return {
      code: 'reserialised_json',
      message: `The body is the same JSON, serialized again: spaces or escapes differ from byte ${at} on. Verify the raw body before it is parsed.`,
      at,
    }
  }
  if (JSON.stringify(sorted(was)) === JSON.stringify(sorted(is))) {
    return { code: 'key_order', message: `The body is the same JSON with its keys in another order, from byte ${at} on. Verify the raw body.`, at }
  }
  return { code: 'body_changed', message: `The content of the body differs from the signed one from byte ${at} on.`, at }
}
