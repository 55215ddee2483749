import type { Socket } from 'node:net'
import type { Member } from './begin-member.ts'

/** Connections that wait while no process can serve them. */
const mostWaiting = 1_024

export interface HandOver {
  /** Passes a connection to the next process in turn; if there is none, it waits. */
  serve(socket: Socket): void
  /** A process has received a connection: it is no longer held here. */
  taken(number: number): void
  /** A process is ready: it serves the waiting connections. */
  serveWaiting(): void
  /** A process is gone: the connections in flight to it are closed, since nobody knows how much of them was read. */
  forget(member: Member): void
  /** Closes the waiting connections. */
  end(): void
}

/** Distributes connections to processes in turn. */
export function createHandOver(ready: () => Member[]): HandOver {
  const waiting = new Set<Socket>()
  const onTheirWay = new Map<number, { member: Member; socket: Socket }>()
  let numbers = 0

  function serve(socket: Socket): void {
    const members = ready().filter((one) => one.canHear())
    numbers += 1
    const number = numbers
    const member = members[number % members.length]
    if (member) {
      onTheirWay.set(number, { member, socket })
      void member.send({ kind: 'connection', number }, socket).then((isSent) => {
        if (!isSent && onTheirWay.delete(number)) serve(socket)
      })
    } else if (waiting.size < mostWaiting) waiting.add(socket)
    else socket.destroy()
  }

  function close(number: number): void {
    onTheirWay.get(number)?.socket.destroy()
    onTheirWay.delete(number)
  }

  return {
    serve,
    taken: close,
    serveWaiting() {
      for (const socket of [...waiting]) {
        waiting.delete(socket)
        serve(socket)
      }
    },
    forget(gone) {
      for (const [number, { member }] of onTheirWay) if (member === gone) close(number)
    },
    end() {
      for (const socket of waiting) socket.destroy()
      waiting.clear()
    },
  }
}
