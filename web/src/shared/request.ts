/** The server answered, and said no. */
export class Refused extends Error {
  readonly status: number
  readonly code: string | null
  readonly errors: Record<string, string[]>

  constructor(status: number, body: unknown) {
    // Stripe tells its reason one level deeper than we do.
    const { message, code, error, errors } = (body ?? {}) as { message?: string; code?: unknown; error?: { code?: unknown }; errors?: Record<string, string[]> }
    super(message ?? `Hawker answers ${status}.`)
    this.status = status
    this.code = [code, error?.code].find((word): word is string => typeof word === 'string') ?? null
    this.errors = errors ?? {}
  }
}

/** No answer came, or none that can be understood: what was asked for may have happened or not. */
export class Unanswered extends Error {}

/** How long an answer may take; a slow bank is answered for with `processing` long before. */
const patienceMilliseconds = 45_000

/** The JSON that a URL answers with. Throws `Refused` for a 4xx and `Unanswered` where there is no answer to rely on. */
export async function ask(url: string, options: RequestInit = {}): Promise<unknown> {
  let response: Response
  let body: unknown
  try {
    response = await fetch(url, { ...options, signal: AbortSignal.timeout(patienceMilliseconds) })
    body = await response.json()
  } catch (cause) {
    throw new Unanswered('no answer', { cause })
  }
  if (response.ok) return body
  if (response.status >= 500) throw new Unanswered(`answered ${response.status}`)
  throw new Refused(response.status, body)
}

/** A POST of JSON. */
export const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
  body: JSON.stringify(body),
})
