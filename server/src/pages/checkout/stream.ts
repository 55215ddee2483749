import type { CheckoutState } from '@hawker/web/checkout-state'
import type { FastifyReply } from 'fastify'
import { ApiError } from '#foundation/shared/errors.ts'

/** Proxies close silent connections; a comment keeps them open and shows us which clients are gone. Streams that were opened together beat apart. */
const beatMs = () => 12_000 + Math.random() * 6_000
/** After this time a page reconnects, so that streams spread over processes and none lives forever. */
const longestMs = 15 * 60_000
/** Streams that one process holds; a page that gets none polls instead. */
const mostStreams = 5_000
/** Streams that one process opens in a second, and at the same moment: each reads its request, and everything else waits for that. */
const openedPerSecond = 200
const openedTogether = 100

export interface StateStream {
  /** The state to send; undefined if the request is gone. */
  read: () => Promise<CheckoutState | undefined>
  watch: (onChange: () => void) => () => void
  onError: (error: unknown) => void
}

const open = new Set<() => void>()

/** Ends every stream, so that a server that stops does not wait for them; pages reconnect by themselves. */
export function endStreams(): void {
  for (const end of open) end()
}

/** Whether one more stream may be opened at a moment, in milliseconds; counts it. */
export function admission(): (now: number) => boolean {
  let allowance = openedTogether
  let countedAt = Number.NEGATIVE_INFINITY
  return (now) => {
    allowance = Math.min(openedTogether, allowance + ((now - countedAt) / 1_000) * openedPerSecond)
    countedAt = now
    if (allowance < 1) return false
    allowance -= 1
    return true
  }
}

const mayOpen = admission()

/** Lets a stream be opened, or throws a 429 before anything was read for it; pages try again later, each at another time. */
export function admitStream(): void {
  if (open.size >= mostStreams || !mayOpen(performance.now()))
    throw new ApiError(429, 'busy', 'The server is busy; try again.', { headers: { 'retry-after': '10' } })
}

/** When a state changes without a write: at its request's deadline. In milliseconds of `performance.now()`. */
function changesAt({ request, now }: CheckoutState): number {
  const deadline = request?.status === 'pending' ? request.expires_at : null
  return deadline === null ? Number.POSITIVE_INFINITY : performance.now() + Date.parse(deadline) - Date.parse(now)
}

/** Server-sent events: the state immediately, and again after every change. */
export function streamStates(reply: FastifyReply, { read, watch, onError }: StateStream): void {
  const { raw } = reply
  // Watched before it is first read: whatever is committed from here on is noticed.
  const stop = watch(() => void tell())
  let isTelling = false
  let mustTell = false
  let last = ''
  let nextChange = Number.POSITIVE_INFINITY

  function end(): void {
    stop()
    open.delete(end)
    clearInterval(beat)
    clearTimeout(limit)
    // A client that does not read what was written would keep the connection for as long as it likes.
    if (raw.writableNeedDrain) raw.destroy()
    else raw.end()
  }

  async function tell(): Promise<void> {
    mustTell = true
    if (isTelling) return
    isTelling = true
    try {
      // A page that reads slowly gets the latest state when it has read the previous one; nothing is queued for it.
      while (mustTell && open.has(end) && !raw.writableNeedDrain) {
        mustTell = false
        const state = await read()
        if (!state) return end()
        nextChange = changesAt(state)
        const { now: _clock, ...lasting } = state
        const text = JSON.stringify(lasting)
        if (text === last) continue
        last = text
        raw.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`)
      }
    } catch (error) {
      onError(error)
    } finally {
      isTelling = false
    }
  }

  const beat = setInterval(() => {
    // Nothing was read since the last comment: nobody is there.
    if (raw.writableNeedDrain) return end()
    raw.write(': still here\n\n')
    if (performance.now() >= nextChange) void tell()
  }, beatMs())
  const limit = setTimeout(end, longestMs)
  open.add(end)
  reply.hijack()
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  raw.on('close', end)
  raw.on('drain', () => {
    if (mustTell) void tell()
  })
  raw.write('retry: 1000\n\n')
  void tell()
}
