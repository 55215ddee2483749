import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { CheckoutState } from '@hawker/web/checkout-state'
import type { FastifyReply } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { admission, streamStates } from './stream.ts'

const megabyte = 1_000_000

/** A stream to a page that never reads; each state that it would get has a megabyte. */
async function aPageThatDoesNotRead() {
  let onChange = () => {}
  let reads = 0
  const read = async () => ({ reads: ++reads, purpose: 'x'.repeat(megabyte) }) as unknown as CheckoutState
  const server = createServer((_request, raw) => {
    const watch = (changed: () => void) => {
      onChange = changed
      return () => undefined
    }
    streamStates({ raw, hijack: () => undefined, getHeaders: () => ({}) } as unknown as FastifyReply, { read, watch, onError: () => undefined })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const page = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  onTestFinished(() => {
    page.destroy()
    server.close()
  })
  page.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [, raw] = (await once(server, 'request')) as [unknown, ServerResponse]
  return { page, raw, change: () => onChange(), reads: () => reads }
}

test('a page that does not read gets no more than fits, and the latest state when it reads again', async () => {
  const { page, raw, change, reads } = await aPageThatDoesNotRead()
  for (let i = 0; i < 200; i += 1) {
    change()
    await new Promise(setImmediate)
  }
  expect(raw.writableLength).toBeLessThan(3 * megabyte)
  const before = reads()
  let text = ''
  page.setEncoding('latin1').on('data', (part: string) => {
    text = `${text}${part}`.slice(-3 * megabyte)
  })
  page.resume()
  // What changed in the meantime is sent once, not a hundred times.
  while (!text.includes(`{"reads":${before + 1},`)) await once(page, 'data')
  expect(reads()).toBeLessThanOrEqual(before + 2)
})

test('a process opens a hundred streams at the same moment, and two hundred in a second', () => {
  const mayOpen = admission()
  const opened = (now: number) => Array.from({ length: 1_000 }, () => mayOpen(now)).filter(Boolean).length
  expect([opened(5_000), opened(5_000), opened(5_250), opened(20_000), opened(20_001)]).toEqual([100, 0, 50, 100, 0])
})
