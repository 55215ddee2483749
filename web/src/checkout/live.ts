import { useCallback, useEffect, useRef, useState } from 'react'
import { Refused } from '../shared/request.ts'
import { baseOf, eventsUrl, fetchState } from './requests.ts'
import type { CheckoutState } from './state.ts'
import { newer } from './view.ts'

/** How long a new stream may be silent before the page polls; a proxy may buffer streams. */
const silenceMilliseconds = 8_000
const pollMilliseconds = 5_000
const longestPauseMilliseconds = 30_000

/** The state as the server sent it, and whether the server can be reached. */
export interface Live {
  state: CheckoutState
  connected: boolean
  /** Accepts a state that came another way, such as the response to a payment. */
  receive(said: CheckoutState): void
  /** Requests the state now; false if there was no response. */
  refresh(): Promise<boolean>
  /** The server's clock, from its last time and when that was received. */
  serverTime(): number
}

/** Follows a payment request: through events, and by polling when the page comes back into view, online or out of the browser's cache. */
export function useLive(first: CheckoutState, attempt: () => string | null, attemptId: string | null): Live {
  const [state, setState] = useState(first)
  const [connected, setConnected] = useState(true)
  const followed = first.request !== null
  const base = baseOf(first)
  const asked = useRef(attempt)
  asked.current = attempt

  const ahead = useRef(Date.parse(first.now) - Date.now())
  const receive = useCallback((said: CheckoutState) => {
    ahead.current = Date.parse(said.now) - Date.now()
    // The response to an attempt is not older than a state of the same version: a stream that does not know the attempt may have sent that.
    setState((shown) =>
      said.attempt?.id === asked.current() && said.attempt?.id !== shown.attempt?.id && said.version >= shown.version ? said : newer(shown, said),
    )
  }, [])
  const serverTime = useCallback(() => Date.now() + ahead.current, [])
  const refresh = useCallback(async () => {
    if (!followed) return true
    try {
      const of = asked.current()
      const said = await fetchState(base, of)
      if (of === asked.current()) receive(said)
      setConnected(true)
      return true
    } catch (error) {
      // A refusal is a response: the server is there, and the shown state remains.
      setConnected(error instanceof Refused)
      return error instanceof Refused
    }
  }, [base, followed, receive])

  // The URL of the stream names the attempt, so a new attempt makes a new stream.
  useEffect(() => {
    if (!followed) return
    const of = asked.current() ?? attemptId
    // The stream of an earlier attempt may still deliver a state, with that attempt's failure.
    const hear = (said: CheckoutState) => of === (asked.current() ?? attemptId) && receive(said)
    return follow(eventsUrl(base, of), hear, setConnected, refresh)
  }, [base, followed, attemptId, receive, refresh])

  useEffect(() => {
    if (!followed) return
    const look = () => {
      if (document.visibilityState === 'visible') void refresh()
    }
    const lost = () => setConnected(false)
    document.addEventListener('visibilitychange', look)
    window.addEventListener('online', look)
    window.addEventListener('offline', lost)
    window.addEventListener('pageshow', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      window.removeEventListener('online', look)
      window.removeEventListener('offline', lost)
      window.removeEventListener('pageshow', look)
    }
  }, [followed, refresh])

  useDeadline(state, refresh)
  return { state, connected, receive, refresh, serverTime }
}

/** The longest that a browser's timer can wait. */
const longestTimerMilliseconds = 2 ** 31 - 1

/** Polls again when the request's deadline has passed: nothing else may happen then that the server would report. */
function useDeadline({ request, now }: CheckoutState, refresh: () => Promise<boolean>): void {
  const deadline = request?.status === 'pending' ? request.expires_at : null
  useEffect(() => {
    if (deadline === null) return
    const left = Date.parse(deadline) - Date.parse(now) + 500
    if (left > longestTimerMilliseconds) return
    const timer = setTimeout(() => void refresh(), Math.max(left, 1_000))
    return () => clearTimeout(timer)
  }, [deadline, now, refresh])
}

/** Keeps a stream open until it is stopped. Browsers reconnect a broken one; one that was refused is opened again here. */
function follow(url: string, receive: (said: CheckoutState) => void, connected: (is: boolean) => void, refresh: () => Promise<boolean>): () => void {
  let source: EventSource | undefined
  let pause = 1_000
  let heard = false
  let again: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    source = new EventSource(url)
    source.addEventListener('state', (event) => {
      heard = true
      pause = 1_000
      connected(true)
      receive(JSON.parse((event as MessageEvent<string>).data))
    })
    source.addEventListener('error', () => {
      heard = false
      if (source?.readyState !== EventSource.CLOSED) return
      clearTimeout(again)
      // Pages that were refused together come back apart.
      again = setTimeout(open, pause * (0.5 + Math.random()))
      pause = Math.min(pause * 2, longestPauseMilliseconds)
    })
  }
  let poll: ReturnType<typeof setInterval> | undefined
  const silence = setTimeout(() => {
    poll = setInterval(() => {
      if (!heard && document.visibilityState === 'visible') void refresh()
    }, pollMilliseconds)
  }, silenceMilliseconds)
  // An open stream keeps a page out of the browser's back/forward cache.
  const hide = () => source?.close()
  const show = (event: PageTransitionEvent) => {
    if (event.persisted) open()
  }
  window.addEventListener('pagehide', hide)
  window.addEventListener('pageshow', show)
  open()
  return () => {
    source?.close()
    clearTimeout(again)
    clearTimeout(silence)
    clearInterval(poll)
    window.removeEventListener('pagehide', hide)
    window.removeEventListener('pageshow', show)
  }
}

/** The server's clock, once a second; null on the server and during hydration, so that both render the same. */
export function useClock(serverTime: () => number, running: boolean): number | null {
  const [time, setTime] = useState<number | null>(null)
  useEffect(() => {
    if (!running) return
    const tick = () => setTime(serverTime())
    tick()
    const timer = setInterval(tick, 1000)
    return () => clearInterval(timer)
  }, [serverTime, running])
  return time
}
