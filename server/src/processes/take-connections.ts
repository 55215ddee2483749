import { type AddressInfo, createServer, type Socket } from 'node:net'
import { listenError, urlOf } from '#address.ts'
import type { Config } from '#config.ts'
import { stopTaking } from '#foundation/http/drain.ts'

export interface Taking {
  readonly url: string
  /** Accepts no more connections; those that were accepted have been passed on. */
  stop(): Promise<void>
}

/** Accepts connections for other processes to serve, and reads nothing of them. Throws if the address cannot be listened on. */
export async function takeConnections(config: Config, serve: (socket: Socket) => void): Promise<Taking> {
  const { host, port, publicUrl } = config
  let newest: Socket | undefined
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    newest = socket
    // It may break before it is passed on.
    socket.on('error', () => undefined)
    serve(socket)
  })
  await new Promise<void>((done, fail) => {
    server.once('error', (error) => fail(listenError(error, config)))
    server.listen({ host, port, backlog: 1024 }, done)
  })
  return {
    url: publicUrl ?? urlOf(host, (server.address() as AddressInfo).port),
    stop: () => stopTaking(server, () => newest),
  }
}
