import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { verifyV2 } from '#resources/webhooks/delivery/signature.ts'
import { call, type Server } from './client.ts'

export interface ListenOptions extends Server {
  /** Where deliveries are forwarded. */
  forwardTo: string
  /** Types to subscribe to; every one if empty. */
  events: string[]
  print: (line: string) => void
  /** Prints one line of JSON for each delivery. */
  json?: boolean | undefined
}

export interface Listening {
  /** Deletes the endpoint and ends. */
  stop(): Promise<void>
}

/** Seconds after which Hawker retries while the target is down; such responses use up none of the retry schedule. */
const retryAfterSeconds = 2
const forwardTimeoutMs = 12_000
/** How long a stop waits for the endpoint's removal. */
const removeMs = 5_000
/** Headers of one connection and not of its content (RFC 9110 §7.6.1). */
const ownHeaders = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect'])

/** Forwards one delivery, byte for byte; a target that cannot be reached becomes a 503 with Retry-After. */
async function forward(target: string, headers: IncomingHttpHeaders, body: Buffer): Promise<{ status: number; body: string; retryAfter?: string }> {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !ownHeaders.has(name)))
  try {
    const { request } = await import('undici')
    const answer = await request(target, { method: 'POST', headers: kept, body, signal: AbortSignal.timeout(forwardTimeoutMs) })
    const retryAfter = answer.headers['retry-after']
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text.slice(0, 65_536), ...(typeof retryAfter === 'string' ? { retryAfter } : {}) }
  } catch {
    return { status: 503, body: 'The target cannot be reached.', retryAfter: String(retryAfterSeconds) }
  }
}

/**
 * Registers an endpoint of its own and forwards what it receives to a target, with the exact bytes and headers. While the target
 * is down, it responds 503 with `Retry-After`, so Hawker keeps every event and retries; nothing is lost.
 */
export async function startListening(options: ListenOptions): Promise<Listening> {
  const { forwardTo, print, json } = options
  let salt = ''
  let down = false

  async function handle(headers: IncomingHttpHeaders, body: Buffer, response: ServerResponse): Promise<void> {
    if (!verifyV2(body, String(headers['hitpay-signature'] ?? ''), salt)) {
      response.writeHead(401).end()
      return
    }
    const began = performance.now()
    const answer = await forward(forwardTo, headers, body)
    const type = `${headers['hitpay-event-object']}.${headers['hitpay-event-type']}`
    const isDown = answer.status === 503 && answer.body === 'The target cannot be reached.'
    // One line when the target goes down, not one for every attempt.
    const milliseconds = Math.round(performance.now() - began)
    if (json) print(JSON.stringify({ type, event_id: headers['webhook-id'], status: isDown ? null : answer.status, milliseconds }))
    else if (!isDown) print(`${type}  ${headers['webhook-id']}  ${answer.status}  ${milliseconds} ms`)
    else if (!down) print(`${forwardTo} cannot be reached; events are retried until it can.`)
    down = isDown
    response.writeHead(answer.status, { 'content-type': 'text/plain', ...(answer.retryAfter ? { 'retry-after': answer.retryAfter } : {}) })
    response.end(answer.body)
  }

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => response.destroy())
    incoming.on('end', () => void handle(incoming.headers, Buffer.concat(chunks), response))
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  let id: string
  try {
    const made = await call(options, 'POST', '/v1/webhook-events', {
      name: 'hawker listen',
      url: `http://127.0.0.1:${port}/`,
      ...(options.events.length > 0 ? { event_types: options.events } : {}),
    })
    id = String(made.id)
    salt = String(made.salt)
  } catch (error) {
    server.close()
    throw error
  }
  if (json) print(JSON.stringify({ listening: true, forward_to: forwardTo, endpoint_id: id, salt }))
  else print(`Forwarding events to ${forwardTo}. Their Hitpay-Signature uses the salt ${salt}`)

  return {
    async stop() {
      const removed = call(options, 'DELETE', `/v1/webhook-events/${id}`)
      const late = sleep(removeMs, undefined, { ref: false }).then(() => {
        throw new Error('the server does not answer.')
      })
      await Promise.race([removed, late]).catch((error: Error) => process.stderr.write(`hawker: The endpoint ${id} could not be removed: ${error.message}\n`))
      server.close()
      server.closeAllConnections()
    },
  }
}
