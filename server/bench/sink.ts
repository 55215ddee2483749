import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Workspace } from './workspace.ts'

/** A receiver of webhooks in a process of its own, which responds 200 immediately. */
export interface Sink {
  /** Deliveries to this URL are only counted. */
  readonly countUrl: string
  /** For deliveries to this URL, the time at which each object's first one started to arrive is kept. */
  readonly keepUrl: string
  /** How many have arrived, and when the first and the last of them did, in milliseconds since 1970. */
  counted(): Promise<{ count: number; first: number; last: number }>
  arrivals(): Promise<Map<string, number>>
  forget(): Promise<void>
}

/** Milliseconds since 1970, finer than the clock that Date reads. */
export const preciseNow = (): number => performance.timeOrigin + performance.now()

/** Runs as the receiver: prints its port, then responds. */
export function sinkProcess(): Promise<void> {
  let counted = { count: 0, first: 0, last: 0 }
  let arrivals: [id: string, at: number][] = []
  const server = createServer((request, response) => {
    const at = preciseNow()
    const { url } = request
    if (url === '/count') {
      if (counted.count === 0) counted.first = at
      counted.count += 1
      counted.last = at
      request.resume()
    } else if (url === '/keep') {
      let body = ''
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      request.on('end', () => arrivals.push([/"id":"([0-9a-f-]{36})"/.exec(body)?.[1] ?? '', at]))
    } else if (url === '/counted') return void response.end(JSON.stringify(counted))
    else if (url === '/arrivals') return void response.end(JSON.stringify(arrivals))
    else if (url === '/forget') {
      counted = { count: 0, first: 0, last: 0 }
      arrivals = []
    }
    response.end()
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify(server.address())}\n`))
  return new Promise((done) => server.once('close', done))
}

/** Starts the receiver. */
export async function startSink(workspace: Workspace): Promise<Sink> {
  const child = workspace.start(process.execPath, [fileURLToPath(import.meta.url), 'sink'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((done, fail) => {
    child.stdout?.once('data', (chunk: Buffer) => done(String(chunk)))
    child.once('exit', () => fail(new Error('The sink did not start.')))
  })
  const { port } = JSON.parse(line) as { port: number }
  const url = `http://127.0.0.1:${port}`
  const ask = async <Answer>(path: string) => (await (await fetch(`${url}${path}`)).json()) as Answer
  return {
    countUrl: `${url}/count`,
    keepUrl: `${url}/keep`,
    counted: () => ask('/counted'),
    arrivals: async () => new Map([...(await ask<[string, number][]>('/arrivals'))].reverse()),
    forget: async () => void (await fetch(`${url}/forget`)),
  }
}
