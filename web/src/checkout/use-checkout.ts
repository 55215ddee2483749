import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { tellFrame } from '../drop-in/tell-frame.ts'
import type { MessageKey } from '../messages/en.ts'
import { Refused } from '../shared/request.ts'
import { textsOf } from '../ui/texts.tsx'
import { useLive } from './live.ts'
import { type AttemptBody, isAnswered, type Memory, memoryOf, randomKey, sessionKeeper, type Try, tryFor } from './memory.ts'
import { nameOf } from './method-name.ts'
import { baseOf, sendTry } from './requests.ts'
import type { CheckoutData, CheckoutState } from './state.ts'
import { type Failing, failingOf, firstMethod, type Refusal, refusalText, safeUrl, type View, viewOf } from './view.ts'

/** Everything that the views show and do. */
export interface Checkout {
  data: CheckoutData
  state: CheckoutState
  view: View
  base: string
  connected: boolean
  /** The server's clock. */
  serverTime(): number
  method: string | null
  choose(code: string): void
  /** A payment is being started. */
  busy: boolean
  /** What failed, until another payment is tried or another method is chosen. */
  failing: Failing | null
  /** Whether this page started what failed; otherwise the payer may be busy with something else. */
  isOwn: boolean
  refuse(refusal: Refusal | null): void
  /** Requests the state from the server. */
  refresh(): Promise<boolean>
  /** Starts a payment. */
  start(body: AttemptBody): Promise<void>
  /** Requests the response that never came. */
  again(): void
  /** Leaves the attempt that is shown, to choose another method. */
  leave(): void
  memory: Memory | null
}

/** The page's behaviour, apart from what it looks like. */
export function useCheckout(data: CheckoutData): Checkout {
  const { state: first, embedded } = data
  const memory = useMemory(first)
  const [attemptId, setAttemptId] = useState<string | null>(null)
  const [leftAttempt, setLeft] = useState<string | null>(null)
  const [unanswered, setUnanswered] = useState(false)
  const [busy, showBusy] = useState(false)
  // Clicks may come faster than the page renders, so a busy button is no guard.
  const sending = useRef(false)
  const setBusy = useCallback((is: boolean) => {
    sending.current = is
    showBusy(is)
  }, [])
  const [refusal, refuse] = useState<Refusal | null>(null)
  // Attempts that this page has started, and the failure that its payer has answered by choosing another method.
  const started = useRef(new Set<string>())
  const [seen, setSeen] = useState<unknown>(null)
  const before = useRef<string | null>(null)
  const [method, setMethod] = useState<string | null>(() => firstMethod(first.methods, data.method))
  const { state, connected, receive, refresh, serverTime } = useLive(first, () => memory.current?.attempt() ?? null, attemptId)
  const base = baseOf(first)

  // The tab's memory is read after hydration, which starts with what the server rendered.
  useEffect(() => {
    const known = memory.current
    if (!known) return
    setAttemptId(known.attempt())
    setUnanswered(known.unanswered() !== null)
    setMethod((chosen) => firstMethod(first.methods, chosen, known.method()))
  }, [memory, first])

  const { attempt } = state
  before.current = attempt?.id ?? null
  useEffect(() => {
    const sent = memory.current?.unanswered()
    if (!attempt || !sent || busy || attempt.method !== sent.body.method || !isAnswered(sent, attempt)) return
    memory.current?.forgetTry()
    memory.current?.keepAttempt(attempt.id)
    setAttemptId(attempt.id)
    setUnanswered(false)
  }, [attempt, busy, memory])

  const send = useCallback(
    async (sent: Try) => {
      if (sending.current) return
      const known = memory.current
      known?.keepTry(sent)
      // A payer who comes back from a bank's decline finds the same form open.
      known?.keepMethod(sent.body.method)
      setBusy(true)
      refuse(null)
      setSeen(before.current)
      try {
        const said = await answerTo(base, sent)
        known?.forgetTry()
        setUnanswered(false)
        setLeft(null)
        if (said.attempt) {
          known?.keepAttempt(said.attempt.id)
          started.current.add(said.attempt.id)
          setAttemptId(said.attempt.id)
        }
        receive(said)
        if (goOn(said, embedded)) return
      } catch (error) {
        if (error instanceof Refused) {
          known?.forgetTry()
          setUnanswered(false)
          refuse({ code: error.code, text: refusalText(error.code) as MessageKey, detail: Object.values(error.errors)[0]?.[0] ?? null })
        } else setUnanswered(true)
        await refresh()
      }
      setBusy(false)
    },
    [base, embedded, memory, receive, refresh, setBusy],
  )

  // Back from the browser's cache, nothing is in flight any more.
  useEffect(() => {
    const shown = () => setBusy(false)
    window.addEventListener('pageshow', shown)
    return () => window.removeEventListener('pageshow', shown)
  }, [setBusy])

  const view = viewOf(state, { leftAttempt, unanswered: unanswered && !busy })
  const shownMethod = state.methods.some(({ code }) => code === method) ? method : firstMethod(state.methods)
  const failing = failingOf(state, refusal, shownMethod)
  useTold(data, state, view, failing, memory.current)
  return {
    data,
    state,
    view,
    base,
    connected,
    serverTime,
    method: shownMethod,
    choose(code) {
      setMethod(code)
      refuse(null)
      setSeen(failing?.id ?? null)
      memory.current?.keepMethod(code)
    },
    busy,
    failing: busy || failing?.id === seen ? null : failing,
    isOwn: failing?.id === refusal || started.current.has(String(failing?.id)),
    refuse,
    refresh,
    start(body) {
      // Also if the URL chose it: the way back from a wallet has no such URL.
      memory.current?.keepMethod(body.method)
      return send(tryFor({ ...body, ...(embedded ? { embedded } : {}) }, memory.current?.unanswered() ?? null, attempt?.id ?? null, randomKey))
    },
    again() {
      const sent = memory.current?.unanswered()
      if (sent) void send(sent)
      else setUnanswered(false)
    },
    leave() {
      memory.current?.forgetTry()
      setUnanswered(false)
      setBusy(false)
      setLeft(attempt?.id ?? null)
    },
    memory: memory.current,
  }
}

/** The tab's memory; none on the server. */
function useMemory(first: CheckoutState) {
  const id = first.request?.id ?? ''
  const memory = useMemo(() => (typeof window === 'undefined' ? null : memoryOf(sessionKeeper(), id)), [id])
  const ref = useRef(memory)
  ref.current = memory
  return ref
}

/** How often a key is retried whose first request the server is still processing. */
const mostRepeats = 30

/** The response to an attempt, even if the server is still processing the same one from before a reload. */
async function answerTo(base: string, sent: Try): Promise<CheckoutState> {
  for (let repeat = 0; ; repeat++) {
    try {
      return await sendTry(base, sent)
    } catch (error) {
      if (!(error instanceof Refused && error.code === 'idempotency_key_in_flight') || repeat === mostRepeats) throw error
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

/** Redirects to where the payer approves; false if the page must offer a link instead, because a frame may not show another site. */
function goOn({ attempt }: CheckoutState, embedded: boolean): boolean {
  const url = attempt?.status === 'requires_action' ? safeUrl(attempt.action_url, location.href) : null
  if (!url || (embedded && new URL(url, location.href).origin !== location.origin)) return false
  location.assign(url)
  return true
}

/** Reports to the surrounding frame and in the window's title what has happened. */
function useTold(data: CheckoutData, state: CheckoutState, view: View, failing: Failing | null, memory: Memory | null): void {
  const { embedded, messages, language } = data
  const { t } = textsOf(messages, language, state, state.business.time_zone)

  useEffect(() => {
    if (embedded) tellFrame({ type: 'loaded' })
  }, [embedded])

  useEffect(() => {
    if (view !== 'paid') return
    document.title = t('title.paid', { business: state.business.name })
    if (embedded && state.request) {
      tellFrame({ type: 'success', payment_request_id: state.request.id, status: state.request.status, reference_number: state.request.reference_number })
    }
  }, [view])

  useEffect(() => {
    if (!embedded || !failing) return
    // Once per attempt: otherwise, a merchant's page that closes on an error could not be opened again.
    if (failing.tried && memory?.told() === failing.id) return
    if (failing.tried) memory?.keepTold(String(failing.id))
    tellFrame({ type: 'error', error: t(failing.text, { method: nameOf(state, failing.method ?? '', t) }) })
  }, [embedded, failing?.id, memory])
}
