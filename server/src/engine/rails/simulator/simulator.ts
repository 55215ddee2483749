import type { Card } from '#engine/rails/card.ts'
import { paymentMethods } from '#engine/rails/methods.ts'
import type { Action, Attempt, Outcome, PaymentInput, Rail, RefundAttempt, RefundOutcome } from '#engine/rails/rail.ts'
import { findTestCard, findTestCardByToken, type TestCard } from '#engine/rails/test-cards.ts'

/** The method of a card payment if no card is named. */
const usualCard = '4242424242424242'
/** After this time, a payment that was never answered counts as failed, and one whose payer never answered as canceled. */
const timeoutSeconds = 900
/** How long "slow" takes by default. */
const slowSeconds = 10
/** After this time, a refund that succeeds or fails later does so. */
const lateRefundSeconds = 5

const cardMethods = new Set(['card', 'apple_pay', 'google_pay', 'card_present', 'wifi_card_reader'])

/** The outcome that an attempt will have, stored with it while it waits. Contains no card number. */
interface Script {
  /** When the outcome is reported, in milliseconds of Unix time. */
  readyAt: number
  ending: Ending
  card?: Card
  refund?: TestCard['outcome']['refund']
  /** The amount paid, in minor units; no refund may exceed it. */
  amount: string
  /** Which of the simulator's pages asks the payer, until it has been answered. */
  asks?: 'challenge' | 'redirect'
  /** The outcome if the payer approves. */
  approved?: Ending
  /** The page that asks. */
  action_url?: string
  /** Where that page redirects the browser. */
  return_url?: string
}

type Ending = { status: 'succeeded' } | { status: 'failed'; code: string; message: string; canceled?: boolean }

const succeeded: Ending = { status: 'succeeded' }
const failure = (code: string, message: string): Ending => ({ status: 'failed', code, message })
const declined = failure('declined', 'The payment was declined.')
const unauthenticated = failure('authentication_failed', 'The payer was not authenticated.')
const timedOut = failure('timeout', 'There was no answer in time.')
const abandoned: Ending = { status: 'failed', code: 'canceled', message: 'The payer abandoned the payment.', canceled: true }

const reference = (id: string) => `sim_${id}`

function cardOf({ card }: TestCard): Card {
  return { brand: card.brand, last4: card.last4, country: card.country ?? '' }
}

/** Whether the payer of a test card is redirected to the bank's page. */
function asksForChallenge({ outcome }: TestCard): boolean {
  const { threeDSecure, authentication } = outcome
  return authentication === 'succeeds' && (threeDSecure === 'always' || threeDSecure === 'required' || threeDSecure === 'unless_set_up')
}

/** How a card's charge ends, once the payer has been asked if that is required. */
function cardEnding(card: TestCard, challenge: PaymentInput['challenge']): Ending {
  if (asksForChallenge(card)) {
    if (challenge === 'failed') return unauthenticated
    if (challenge === 'abandoned') return abandoned
  }
  const { decline } = card.outcome
  return decline ? failure(decline.declineCode ?? decline.code, 'The card was declined.') : succeeded
}

function endingOf(input: PaymentInput, card: TestCard | undefined): Ending {
  if (input.outcome === 'failed') return declined
  if (input.outcome === 'canceled') return abandoned
  if (input.outcome === 'timeout') return timedOut
  if (input.outcome === 'completed') return succeeded
  return card ? cardEnding(card, input.challenge) : succeeded
}

function answer(id: string, script: Script): Outcome {
  const { ending, card } = script
  const shared = { reference: reference(id), data: { ...script }, ...(card ? { card } : {}) }
  return ending.status === 'succeeded' ? { ...shared, status: 'succeeded' } : { ...shared, ...ending }
}

function unanswered(id: string, script: Script, now: Date): Outcome {
  const { readyAt, asks, action_url, card } = script
  const seconds = Math.max(0, (readyAt - now.getTime()) / 1000)
  const shared = { reference: reference(id), data: { ...script } }
  if (asks === undefined || action_url === undefined) return { ...shared, status: 'pending', checkAfterSeconds: Math.min(seconds, 60) }
  const action: Action = { type: asks, url: action_url }
  return { ...shared, status: 'requires_action', action, checkAfterSeconds: seconds, ...(card ? { card } : {}) }
}

const outcomeOf = (id: string, script: Script, now: Date) => (now.getTime() >= script.readyAt ? answer(id, script) : unanswered(id, script, now))

/** The page to which a payer in a browser is redirected: cards that need only their number proceed immediately. */
function pageFor(attempt: Attempt, card: TestCard | undefined): Script['asks'] {
  if (attempt.method !== 'card') return 'redirect'
  return card && asksForChallenge(card) ? 'challenge' : undefined
}

/** What is stored while one of the simulator's pages asks the payer; a payer who never answers has abandoned the payment. */
function askingScript(attempt: Attempt, script: Script, asks: 'challenge' | 'redirect'): Script {
  const page = asks === 'challenge' ? 'challenge' : 'wallet'
  return {
    ...script,
    readyAt: attempt.now.getTime() + timeoutSeconds * 1000,
    ending: abandoned,
    approved: script.ending,
    asks,
    action_url: new URL(`/sandbox/${page}/${attempt.businessId}/${attempt.id}`, attempt.returnUrl).href,
    return_url: attempt.returnUrl,
  }
}

function testCardOf({ token, card }: PaymentInput): TestCard | undefined {
  return token === undefined ? findTestCard(card?.number ?? usualCard) : findTestCardByToken(token)
}

async function start(attempt: Attempt, input: PaymentInput): Promise<Outcome> {
  const { id, method, now } = attempt
  const isCard = cardMethods.has(method)
  const card = isCard ? testCardOf(input) : undefined
  if (isCard && !card) {
    // A real number does not belong here; it is rejected without further inspection.
    return { status: 'failed', reference: reference(id), code: 'test_mode_live_card', message: 'The sandbox accepts test cards only.' }
  }
  const delay = input.outcome === 'timeout' ? timeoutSeconds : (input.delaySeconds ?? 0)
  const script: Script = {
    readyAt: now.getTime() + delay * 1000,
    ending: endingOf(input, card),
    amount: String(attempt.amountMinor),
    ...(card ? { card: cardOf(card), refund: card.outcome.refund } : {}),
  }
  const asks = input.interactive ? pageFor(attempt, card) : undefined
  return outcomeOf(id, asks ? askingScript(attempt, script, asks) : script, now)
}

async function check(attempt: Attempt): Promise<Outcome> {
  const { readyAt, ending, amount = String(attempt.amountMinor), ...rest } = attempt.data as Partial<Script>
  if (readyAt === undefined || ending === undefined)
    return { status: 'failed', reference: reference(attempt.id), code: 'not_started', message: 'The payment was never started.' }
  return outcomeOf(attempt.id, { ...rest, readyAt, ending, amount }, attempt.now)
}

/** What a payer can answer on a page of the simulator; `slow` is an approval that arrives later. */
export interface SimulatedAnswer {
  outcome: 'approved' | 'declined' | 'canceled' | 'timeout' | 'slow'
  /** Seconds until the rail reports it. */
  delaySeconds?: number
}

/** Which page of the simulator waits for an attempt's payer, according to its stored data; undefined once it was answered. */
export function waitingPage(data: Record<string, unknown>): 'challenge' | 'redirect' | undefined {
  return (data as Partial<Script>).asks
}

/** The outcome that a payer's answer gives to an attempt that waits for it; undefined if nothing waits. After the deadline, it is abandoned. */
export function answerAttempt(id: string, data: Record<string, unknown>, { outcome, delaySeconds }: SimulatedAnswer, now: Date): Outcome | undefined {
  const { asks, approved = succeeded, ...script } = data as unknown as Script
  if (asks === undefined) return undefined
  if (now.getTime() >= script.readyAt) return answer(id, script)
  const endings = {
    approved,
    slow: approved,
    declined: asks === 'challenge' ? unauthenticated : declined,
    canceled: abandoned,
    timeout: timedOut,
  }
  const seconds = outcome === 'timeout' ? timeoutSeconds : (delaySeconds ?? (outcome === 'slow' ? slowSeconds : 0))
  return outcomeOf(id, { ...script, readyAt: now.getTime() + seconds * 1000, ending: endings[outcome] }, now)
}

function refundAnswer({ id, amountMinor, chargeData, createdAt, now }: RefundAttempt): RefundOutcome {
  const { refund: manner = 'succeeds', amount } = chargeData as Partial<Script>
  if (amount !== undefined && amountMinor > BigInt(amount)) return { status: 'failed', code: 'amount_too_large', message: 'The refund exceeds the payment.' }
  const made = `simr_${id}`
  if (manner === 'succeeds') return { status: 'succeeded', reference: made }
  const seconds = lateRefundSeconds - (now.getTime() - createdAt.getTime()) / 1000
  if (seconds > 0) return { status: 'pending', reference: made, checkAfterSeconds: seconds }
  return manner === 'succeeds_later'
    ? { status: 'succeeded', reference: made }
    : { status: 'failed', code: 'refund_failed', message: "The card's bank refused the refund." }
}

/**
 * Plays every method of the catalog in the sandbox, without a network: the same input always has the same outcome.
 * Cards behave like Stripe's test cards; the others approve, decline, time out or answer late, as requested. A payer
 * in a browser (`interactive`) is asked on the simulator's own pages, like those of a wallet or a bank.
 */
export const simulatorRail: Rail = {
  name: 'simulator',
  local: true,
  methods: paymentMethods.map(({ code }) => code),
  start,
  check,
  refund: async (attempt) => refundAnswer(attempt),
  checkRefund: async (attempt) => refundAnswer(attempt),
}
