import type { Card } from '../../../foundation/shared/card.ts'
import { paymentMethods } from '../methods.ts'
import type { Attempt, Outcome, PaymentInput, Rail, RefundAttempt, RefundOutcome } from '../rail.ts'
import { findTestCard, type TestCard } from '../test-cards.ts'

/** What a card payment uses when no card is named. */
const usualCard = '4242424242424242'
/** After this long a payment that was never answered counts as failed. */
const timeoutSeconds = 900
/** After this long a refund that succeeds or fails later does so. */
const lateRefundSeconds = 5

const cardMethods = new Set(['card', 'apple_pay', 'google_pay', 'card_present', 'wifi_card_reader'])

/** What an attempt will come to, kept with it while it waits. Holds no card number. */
interface Script {
  /** When the answer comes, in milliseconds of Unix time. */
  readyAt: number
  ending: Ending
  card?: Card
  refund?: TestCard['outcome']['refund']
  /** What was paid, in the smallest unit; no refund may be above it. */
  amount: string
}

type Ending = { status: 'succeeded' } | { status: 'failed'; code: string; message: string; canceled?: boolean }

const failure = (code: string, message: string): Ending => ({ status: 'failed', code, message })
const abandoned: Ending = { status: 'failed', code: 'canceled', message: 'The payer gave up.', canceled: true }

const reference = (attempt: Attempt) => `sim_${attempt.id}`

function cardOf({ card }: TestCard): Card {
  return { brand: card.brand, last4: card.last4, country: card.country ?? '' }
}

/** How a card's charge ends, once the payer has been asked where it has to be. */
function cardEnding({ outcome }: TestCard, challenge: PaymentInput['challenge']): Ending {
  const asked = outcome.threeDSecure === 'always' || outcome.threeDSecure === 'required' || outcome.threeDSecure === 'unless_set_up'
  if (asked && outcome.authentication === 'succeeds') {
    if (challenge === 'failed') return failure('authentication_failed', 'The payer was not authenticated.')
    if (challenge === 'abandoned') return abandoned
  }
  const { decline } = outcome
  return decline ? failure(decline.declineCode ?? decline.code, 'The card was declined.') : { status: 'succeeded' }
}

function endingOf(input: PaymentInput, card: TestCard | undefined): Ending {
  if (input.outcome === 'failed') return failure('declined', 'The payment was declined.')
  if (input.outcome === 'canceled') return abandoned
  if (input.outcome === 'timeout') return failure('timeout', 'No answer came in time.')
  if (input.outcome === 'completed') return { status: 'succeeded' }
  return card ? cardEnding(card, input.challenge) : { status: 'succeeded' }
}

function answer(attempt: Attempt, script: Script): Outcome {
  const { ending, card } = script
  const shared = { reference: reference(attempt), data: { ...script }, ...(card ? { card } : {}) }
  return ending.status === 'succeeded' ? { ...shared, status: 'succeeded' } : { ...shared, ...ending }
}

function unanswered(attempt: Attempt, script: Script): Outcome {
  const seconds = Math.max(0, (script.readyAt - attempt.now.getTime()) / 1000)
  return { status: 'pending', reference: reference(attempt), checkAfterSeconds: Math.min(seconds, 60), data: { ...script } }
}

async function start(attempt: Attempt, input: PaymentInput): Promise<Outcome> {
  const isCard = cardMethods.has(attempt.method)
  const card = isCard ? findTestCard(input.card?.number ?? usualCard) : undefined
  if (isCard && !card) {
    // A real number has no business here; it is refused without being looked at further.
    return { status: 'failed', reference: reference(attempt), code: 'test_mode_live_card', message: 'The sandbox takes test cards only.' }
  }
  const ending = endingOf(input, card)
  const delay = input.outcome === 'timeout' ? timeoutSeconds : (input.delaySeconds ?? 0)
  const amount = String(attempt.amountMinor)
  const script: Script = { readyAt: attempt.now.getTime() + delay * 1000, ending, amount, ...(card ? { card: cardOf(card), refund: card.outcome.refund } : {}) }
  if (card && input.challenge === 'ask' && card.outcome.threeDSecure !== 'not_enrolled' && card.outcome.threeDSecure !== 'set_up') {
    const action = { type: 'challenge', url: `${attempt.returnUrl}${attempt.returnUrl.includes('?') ? '&' : '?'}challenge=${attempt.id}` } as const
    return {
      status: 'requires_action',
      reference: reference(attempt),
      action,
      checkAfterSeconds: 60,
      card: cardOf(card),
      data: { ...script, readyAt: attempt.now.getTime() + timeoutSeconds * 1000, ending: abandoned },
    }
  }
  return delay > 0 ? unanswered(attempt, script) : answer(attempt, script)
}

async function check(attempt: Attempt): Promise<Outcome> {
  const { readyAt, ending, amount = String(attempt.amountMinor), ...rest } = attempt.data as Partial<Script>
  if (readyAt === undefined || ending === undefined)
    return { status: 'failed', reference: reference(attempt), code: 'not_started', message: 'The payment was never begun.' }
  const script = { ...rest, readyAt, ending, amount }
  return attempt.now.getTime() >= readyAt ? answer(attempt, script) : unanswered(attempt, script)
}

function refundAnswer({ id, amountMinor, chargeData, createdAt, now }: RefundAttempt): RefundOutcome {
  const { refund: manner = 'succeeds', amount } = chargeData as Partial<Script>
  if (amount !== undefined && amountMinor > BigInt(amount)) return { status: 'failed', code: 'amount_too_large', message: 'The refund is above the payment.' }
  const made = `simr_${id}`
  if (manner === 'succeeds') return { status: 'succeeded', reference: made }
  const seconds = lateRefundSeconds - (now.getTime() - createdAt.getTime()) / 1000
  if (seconds > 0) return { status: 'pending', reference: made, checkAfterSeconds: seconds }
  return manner === 'succeeds_later'
    ? { status: 'succeeded', reference: made }
    : { status: 'failed', code: 'refund_failed', message: "The card's bank refused the refund." }
}

/**
 * Plays every method of the catalogue in the sandbox, without a network: the same input has the same outcome, always.
 * Cards behave as Stripe's test cards do; the others approve, decline, time out or answer late, as they are told.
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
