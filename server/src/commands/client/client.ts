/** A running Hawker, and the API key to use. */
export interface Server {
  url: string
  apiKey: string
}

/** A command that cannot continue, in one line; exit code 1. */
export class CommandError extends Error {}

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
  const message = typeof json?.message === 'string' ? json.message : `${text.slice(0, 200)} (is ${server.url} a Hawker server?)`
  throw new CommandError(`${method} ${path} answered ${answer.statusCode}: ${message}`)
}

function readJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
