import { connect } from 'node:net'
import type { Shot } from './shots.ts'

/** What a server answered; a status of 0 means that it closed the connection without a response. */
export interface FuzzAnswer {
  status: number
  headers: ReadonlyMap<string, string>
  body: Buffer
  milliseconds: number
}

const longestMs = 10_000

/** A request's bytes. */
export function bytesOf({ method, target, headers, body, framing }: Shot): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, ...(headers.some(([name]) => name === 'host') ? [] : ['host: localhost']), 'connection: close']
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  const isEmpty = body.length === 0 && framing === 'length'
  if (!isEmpty && framing !== 'none' && framing !== 'chunks') {
    const announced = framing === 'too long' ? body.length + 40 : framing === 'too short' ? Math.max(0, body.length - 7) : body.length
    lines.push(`content-length: ${announced}`)
  }
  if (framing === 'chunks' || framing === 'both') lines.push('transfer-encoding: chunked')
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (framing !== 'chunks') return Buffer.concat([head, body])
  const half = body.length >> 1
  const chunks = [body.subarray(0, half), body.subarray(half)].filter((chunk) => chunk.length > 0)
  return Buffer.concat([
    head,
    ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
    Buffer.from('0\r\n\r\n'),
  ])
}

function joined(body: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at)
    const size = end < 0 ? 0 : Number.parseInt(body.toString('latin1', at, end), 16)
    if (!size) return Buffer.concat(chunks)
    chunks.push(body.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}

function parsed({ method }: Shot, received: Buffer, milliseconds: number): FuzzAnswer {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return { status: 0, headers: new Map(), body: received, milliseconds }
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n')
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  // After it may come the response to what was announced as no part of this request.
  const length = method === 'HEAD' ? '0' : headers.get('content-length')
  const body = received.subarray(end + 4, length === undefined ? undefined : end + 4 + Number(length))
  return { status: Number(first.split(' ')[1]), headers, body: headers.get('transfer-encoding') === 'chunked' ? joined(body) : body, milliseconds }
}

/** Sends a request as bytes and reads the response to its end; of a stream, what comes first. */
export function exchange(port: number, shot: Shot): Promise<FuzzAnswer> {
  return new Promise((done) => {
    const began = performance.now()
    const parts: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const giveUp = setTimeout(() => socket.destroy(), longestMs)
    socket.on('error', () => undefined)
    socket.on('data', (part) => {
      parts.push(part)
      if (parts.length === 1 && part.includes('text/event-stream')) socket.destroy()
    })
    socket.on('close', () => {
      clearTimeout(giveUp)
      done(parsed(shot, Buffer.concat(parts), performance.now() - began))
    })
    const bytes = bytesOf(shot)
    if (shot.cutAt !== undefined && shot.cutAt < bytes.length) socket.write(bytes.subarray(0, shot.cutAt), () => socket.destroy())
    // The rest of a body that was announced as longer never comes: the client leaves, as one that has crashed.
    else if (shot.framing === 'too long') socket.write(bytes, () => setTimeout(() => socket.destroy(), 20))
    else socket.write(bytes)
  })
}
