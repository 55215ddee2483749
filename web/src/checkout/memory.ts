/** The body of `POST …/attempts`. Never a card number: `token` is what the rail made of it. */
export interface AttemptBody {
  method: string
  amount?: string
  token?: string
  name?: string
  email?: string
  embedded?: boolean
}

/** A payment that was sent and has no response yet. The same key and body may be sent again any number of times. */
export interface Try {
  key: string
  body: AttemptBody
  /** The attempt that the page knew before it, so that a newer one is recognized as its result. */
  before: string | null
}

/** Storage that may be missing: a browser can forbid it to an embedded page, which then remembers until it is reloaded. */
export interface Keeper {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** Session storage if it is allowed, else this page's own memory. */
export function sessionKeeper(): Keeper {
  try {
    const probe = 'hawker:probe'
    sessionStorage.setItem(probe, '1')
    sessionStorage.removeItem(probe)
    return sessionStorage
  } catch {
    const values = new Map<string, string>()
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => void values.set(key, value), removeItem: (key) => void values.delete(key) }
  }
}

/** What a tab remembers of one payment request. */
export function memoryOf(keeper: Keeper, requestId: string) {
  const at = (name: string) => `hawker:${name}:${requestId}`
  return {
    attempt: () => keeper.getItem(at('attempt')),
    keepAttempt: (id: string) => keeper.setItem(at('attempt'), id),
    forgetAttempt: () => keeper.removeItem(at('attempt')),
    unanswered: (): Try | null => {
      const text = keeper.getItem(at('try'))
      if (!text) return null
      try {
        return JSON.parse(text) as Try
      } catch {
        return null
      }
    },
    keepTry: (value: Try) => keeper.setItem(at('try'), JSON.stringify(value)),
    forgetTry: () => keeper.removeItem(at('try')),
    /** Whether this tab was already redirected to the merchant; coming back with the browser's button must not redirect again. */
    sentBack: () => keeper.getItem(at('sent')) !== null,
    keepSentBack: () => keeper.setItem(at('sent'), '1'),
    /** The attempt whose failure was reported to the merchant's page. */
    told: () => keeper.getItem(at('told')),
    keepTold: (id: string) => keeper.setItem(at('told'), id),
    method: () => keeper.getItem(at('method')),
    keepMethod: (code: string) => keeper.setItem(at('method'), code),
  }
}

export type Memory = ReturnType<typeof memoryOf>

/** The attempt to send for a body: the unanswered one if it is the same, so that a second click or a reload pays once. */
export function tryFor(body: AttemptBody, unanswered: Try | null, before: string | null, newKey: () => string): Try {
  if (unanswered && sameBody(unanswered.body, body)) return unanswered
  return { key: newKey(), body, before }
}

function sameBody(one: AttemptBody, other: AttemptBody): boolean {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])] as (keyof AttemptBody)[]
  return names.every((name) => one[name] === other[name])
}

/** Whether a state answers an attempt: it contains an attempt that did not exist before. */
export function isAnswered(unanswered: Try, attempt: { id: string } | null): boolean {
  return attempt !== null && attempt.id !== unanswered.before
}

/** A random key in the format of a UUID; `crypto.randomUUID` exists only on secure origins, which a shop's own network may not have. */
export function randomKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
