/** The server responded with an error. */
export class Refused extends Error {
  readonly status: number
  readonly code: string | null
  readonly errors: Record<string, string[]>

  constructor(status: number, body: unknown) {
    // Stripe reports its reason one level deeper than we do.
    const { message, code, error, errors } = (body ?? {}) as { message?: string; code?: unknown; error?: { code?: unknown }; errors?: Record<string, string[]> }
    super(message ?? `Hawker answers ${status}.`)
    this.status = status
    this.code = [code, error?.code].find((word): word is string => typeof word === 'string') ?? null
    this.errors = errors ?? {}
  }
}

/** There was no response, or none that can be understood: the requested change may have happened or not. */
export class Unanswered extends Error {}

/** How long a response may take; for a slow bank, the server responds with `processing` long before. */
const patienceMilliseconds = 45_000

/** The JSON response of a URL. Throws `Refused` for a 4xx and `Unanswered` if there is no reliable response. */
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
