import { connect, type Socket } from 'node:net'
import { key } from './process.ts'

/** What clients under load observed. */
export interface Tally {
  answered: number
  refused: number
  /** Connections that the server closed after announcing it, or between two requests. */
  closed: number
  cut: string[]
}

/** A request that creates a customer, as it goes over the wire. */
export function postOf(label: string): string {
  const body = JSON.stringify({ name: label, email: `${label}@example.com`, phone_number: '91234567' })
  return `POST /v1/customers HTTP/1.1\r\nhost: localhost\r\nx-business-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/**
 * One client that sends the next request after the response, over one connection or with `reconnects` over one for
 * each request. Byte by byte, so that nothing is retried without our knowledge.
 */
export async function keepSending(port: number, name: string, tally: Tally, isOver: () => boolean, { reconnects = false } = {}): Promise<void> {
  for (let number = 0; !isOver(); ) {
    const socket = await new Promise<Socket | undefined>((done) => {
      const one: Socket = connect(port, '127.0.0.1', () => done(one))
      one.once('error', () => done(undefined))
    })
    if (!socket) {
      tally.refused += 1
      return
    }
    let goesOn = true
    while (goesOn && !isOver()) {
      const label = `${name}-${number++}`
      const answer = await ask(socket, postOf(label))
      if (typeof answer === 'string') {
        tally.answered += 1
        goesOn = !reconnects && !/^connection: close/im.test(answer)
        if (!answer.startsWith('HTTP/1.1 201')) tally.cut.push(`${label} was answered ${answer}`)
      } else {
        goesOn = false
        tally.cut.push(`${label} ${answer.cut}`)
      }
    }
    tally.closed += 1
    socket.destroy()
  }
}

/** Sends a request and reads one complete response, or how it was cut. */
export function ask(socket: Socket, request: string): Promise<string | { cut: string }> {
  return new Promise((done) => {
    let heard = ''
    const end = (result: string | { cut: string }) => {
      socket
        .removeAllListeners('data')
        .removeAllListeners('close')
        .removeAllListeners('error')
        .on('error', () => undefined)
      done(result)
    }
    socket.on('data', (part) => {
      heard += part
      const head = heard.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(heard)?.[1])
      if (head > 0 && Buffer.byteLength(heard.slice(head + 4)) >= length) end(heard)
    })
    socket.on('error', (error) => end({ cut: `failed: ${error.message} after ${heard.length} bytes` }))
    socket.on('close', () => end({ cut: `was closed after ${heard.length} bytes` }))
    socket.write(request)
  })
}
