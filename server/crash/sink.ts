import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verifyStandard, verifyV1, verifyV2 } from '#resources/webhooks/delivery/signature.ts'

/** An event that reached the merchant. */
export interface Heard {
  body: string
  tries: number
  /** When its first attempt arrived. */
  firstAt: number
}

/** A merchant's server that survives the crashes of Hawker, and checks everything it receives. */
export interface Sink {
  readonly url: string
  /** Events by their id. */
  readonly events: Map<string, Heard>
  /** Callbacks of version 1 for completed payments: how often each payment was reported. */
  readonly callbacks: Map<string, number>
  /** The first thing that was wrong. */
  fault(): string | undefined
  /** Sets the salt of the endpoint; nothing is sent to it before. */
  setSalt(salt: string): void
  stop(): void
}

/** Starts it; one event in `refuseOneIn` is rejected on its first attempt, so that retries happen. */
export async function startSink(keySalt: string, refuseOneIn = 500): Promise<Sink> {
  const events = new Map<string, Heard>()
  const callbacks = new Map<string, number>()
  let salt = ''
  let fault: string | undefined

  function hearEvent(headers: Record<string, string | undefined>, body: Buffer): number {
    const id = headers['webhook-id'] ?? ''
    const verdict = verifyStandard(body, headers, salt, { now: new Date() })
    if (verdict !== 'verified') fault ??= `event ${id} came with Standard Webhooks headers that say ${verdict}`
    if (!verifyV2(body, headers['hitpay-signature'] ?? '', salt)) fault ??= `event ${id} came with a wrong Hitpay-Signature`
    const known = events.get(id)
    const text = body.toString('utf8')
    if (!known) {
      events.set(id, { body: text, tries: 1, firstAt: Date.now() })
      return events.size % refuseOneIn === 0 ? 500 : 200
    }
    known.tries += 1
    if (known.body !== text) fault ??= `event ${id} came twice with different bodies`
    return 200
  }

  function hearCallback(body: Buffer): number {
    const fields = Object.fromEntries(new URLSearchParams(body.toString('utf8')))
    if (!verifyV1(fields, keySalt)) fault ??= `a callback came with a wrong hmac: ${body}`
    if (fields.status !== 'completed') fault ??= `a callback came for what is not a completed payment: ${body}`
    const id = fields.payment_id ?? ''
    callbacks.set(id, (callbacks.get(id) ?? 0) + 1)
    return 200
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const status = request.url === '/events' ? hearEvent(request.headers as Record<string, string | undefined>, body) : hearCallback(body)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    callbacks,
    fault: () => fault,
    setSalt(given) {
      salt = given
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
