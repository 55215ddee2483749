import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as a merchant's server received it: the bytes, not their meaning. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** What the merchant answers; `hang` leaves the request without an answer. */
export type MerchantAnswer = { status: number; headers?: Record<string, string>; body?: string } | 'hang'

/** A merchant's server on loopback that remembers what it received. */
export interface FakeMerchant {
  readonly url: string
  readonly received: Received[]
  /** Decides the responses from now on. */
  answer(next: MerchantAnswer | ((request: Received) => MerchantAnswer)): void
  /** Waits until it has received so many requests. */
  got(count: number, withinMs?: number): Promise<void>
  stop(): Promise<void>
}

export async function fakeMerchant(first: MerchantAnswer = { status: 200, body: 'OK' }, onPort = 0): Promise<FakeMerchant> {
  const received: Received[] = []
  let decide: (request: Received) => MerchantAnswer = () => first
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request = { path: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) }
      received.push(request)
      const answer = decide(request)
      if (answer === 'hang') return
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
  })
  await new Promise<void>((ready) => server.listen(onPort, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer(next) {
      decide = typeof next === 'function' ? next : () => next
    },
    async got(count, withinMs = 5_000) {
      const until = Date.now() + withinMs
      while (received.length < count) {
        if (Date.now() > until) throw new Error(`got ${received.length} of ${count} requests`)
        await new Promise((done) => setTimeout(done, 2))
      }
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
