/** A running Hawker, and the API key to use. */
export interface Server {
  url: string
  apiKey: string
}

/** A command that cannot continue, in one line; exit code 1. */
export class CommandError extends Error {
  /** The status of the response, if there was one. */
  readonly status: number | undefined
  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/** The fields that every object of the API has. */
export type Made = { id: string } & Record<string, unknown>

/** Sends one request to a running Hawker and returns its JSON. Throws `CommandError` with the server's own message if it refuses. */
export async function call(server: Server, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Made> {
  const sent = body === undefined ? null : JSON.stringify(body)
  const headers = { 'x-business-api-key': server.apiKey, ...(sent === null ? {} : { 'content-type': 'application/json' }) }
  // Loaded when something is sent: `hawker start` does not need it.
  const { request } = await import('undici')
  const answer = await request(`${server.url}${path}`, { method, headers, body: sent }).catch((error: { code?: string }) => {
    throw new CommandError(`Hawker does not answer at ${server.url} (${error.code ?? 'no connection'}); is it running?`)
  })
  const text = await answer.body.text()
  const json = readJson(text)
  if (answer.statusCode < 300 && (json || text === '')) return (json ?? {}) as Made
  throw new CommandError(refusal(answer.statusCode, json, server), answer.statusCode)
}

/** What the server refused, in words for people: without paths of the API and names of its models. */
function refusal(status: number, json: Record<string, unknown> | undefined, { url }: Server): string {
  if (typeof json?.message !== 'string') return `${url} answered ${status} without a message; is it a Hawker server?`
  if (status === 401) return `The server does not accept the key in HAWKER_API_KEY: ${json.message}`
  const [, model, id] = /^No query results for model \[App\\Business\\(\w+)\] (\S+)$/.exec(json.message) ?? []
  if (model !== undefined) return `There is no ${model.replace(/\B[A-Z]/g, ' $&').toLowerCase()} ${id} in the business of this key.`
  const { errors } = json
  const texts = typeof errors === 'object' && errors !== null ? Object.values(errors).flat() : []
  return texts.length > 1 ? texts.join(' ') : json.message
}

function readJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
