import type { ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** The open connections; Node keeps a list of its own, but does not show it. */
export function trackSockets({ server }: FastifyInstance): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/** The answer that is being made on a connection; Node's own mark, which it has kept since its first version. */
const isAnswering = (socket: Socket) => Boolean((socket as Socket & { _httpMessage?: unknown })._httpMessage)

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/**
 * Runs `act` right after the event loop has looked at its sockets, in a turn that took no connection (libuv takes one a
 * turn, so others may wait behind it) and had little else to do: what had arrived has been read, and hardly anything can
 * have arrived since.
 */
async function whenAllIsRead(newest: () => unknown, act: () => void): Promise<void> {
  const patience = performance.now() + 2_000
  for (let isDone = false; !isDone; ) {
    isDone = await new Promise<boolean>((done) => {
      setTimeout(() => {
        const began = performance.now()
        const before = newest()
        setImmediate(() => {
          const now = performance.now()
          const isQuiet = (now - began < 0.3 && newest() === before) || now > patience
          if (isQuiet) act()
          done(isQuiet)
        })
      }, 1)
    })
  }
}

/** Takes no new connection any more; those that were made have been taken. `newest` is the one that was taken last. */
export async function stopTaking(server: Server, newest: () => unknown): Promise<void> {
  await whenAllIsRead(newest, () => server.close())
}

/** Requests that are on their way when the end begins have this long to arrive. */
const arrivalMs = 250
/** A request whose head is not complete after this long was never accepted. */
const headMs = 5_000
/** Longer than any statement may take. */
const answerMs = 30_000

/**
 * Ends the API without cutting a request: every answer from now on closes its connection, no new connection is taken,
 * and only after a moment, in which requests that are on their way arrive, idle connections are closed.
 */
export async function drain(fastify: FastifyInstance, sockets: Set<Socket>): Promise<void> {
  const { server } = fastify
  const newest = () => [...sockets].at(-1)
  let closed: Promise<void> = Promise.resolve()
  await whenAllIsRead(newest, () => {
    closed = new Promise<void>((done) => {
      // Node's close() also ends idle connections immediately; ours waits for what is in flight.
      const { closeIdleConnections } = server
      server.closeIdleConnections = () => undefined
      server.close(() => done())
      server.closeIdleConnections = closeIdleConnections
    })
  })
  // Not before there is nothing left to connect to: a client that is asked to close comes back on a new connection.
  const latest = new Map<Socket, ServerResponse>()
  server.prependListener('request', ({ socket }, response) => {
    latest.set(socket, response)
    // Asked when the head is written: of several requests in one packet (pipelining), the last one's answer closes.
    Object.defineProperty(response, 'shouldKeepAlive', { get: () => latest.get(socket) !== response, set: () => undefined })
  })
  const began = performance.now()
  await sleep(arrivalMs)
  while (sockets.size > 0) {
    await whenAllIsRead(newest, () => {
      server.closeIdleConnections()
      const passed = performance.now() - began
      for (const socket of sockets) {
        // Node counts a connection that never said a word as busy: browsers open such ones ahead of need.
        const isSilent = socket.bytesRead === 0
        if (isSilent || passed > answerMs || (passed > headMs && !isAnswering(socket))) socket.destroy()
      }
    })
    await sleep(20)
  }
  await closed
  await fastify.close()
}
