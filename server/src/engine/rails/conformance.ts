import { describe, expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { type Attempt, BadNotification, type Outcome, type PaymentInput, type Rail, type RailAccess, type RawRequest, type RefundAttempt } from './rail.ts'

/** A rail with a fake of the system behind it. */
export interface Subject {
  rail: Rail
  access: RailAccess
  method: string
  /** The current time of the system behind it. */
  now: Date
  /** How a payment is approved. */
  approves: PaymentInput
  /** A card number that must not appear in any answer; for rails that see one. */
  cardNumber?: string
  /** How many payments, and refunds, the system behind it has for one of our ids. Absent if the rail stores nothing outside. */
  count?: (id: string) => number
  /** Makes the system act on calls from now on while their answers get lost; the reverse with `false`. */
  loseAnswers?: (losing: boolean) => void
  /** A notification of the rail about an attempt that it approved, with a valid or an invalid signature. */
  message?: (attempt: Attempt, signed: 'rightly' | 'wrongly' | 'an hour ago') => RawRequest
}

/** An attempt to pay S$ 10.00, with a test's changes. */
export function anAttempt(now: Date, more: Partial<Attempt> = {}): Attempt {
  return {
    id: newId<'charge'>(now),
    businessId: newId<'business'>(now),
    country: 'SG',
    method: 'card',
    amountMinor: 1000n,
    currency: 'sgd',
    reference: 'HWK0123456789ABCDEFG',
    description: 'Kaya toast',
    payer: { name: null, email: null, phone: null },
    returnUrl: 'https://shop.example.com/back',
    data: {},
    railReference: null,
    createdAt: now,
    now,
    ...more,
  }
}

/** The attempt as it is stored after an answer. */
export function after(attempt: Attempt, outcome: Outcome): Attempt {
  return { ...attempt, railReference: outcome.reference ?? attempt.railReference, data: outcome.data ?? attempt.data }
}

export function aRefund(attempt: Attempt, amountMinor: bigint): RefundAttempt {
  const { businessId, currency, railReference, data, method, createdAt, now } = attempt
  const id = newId<'refund'>(now)
  return { id, businessId, amountMinor, currency, chargeReference: railReference ?? '', chargeData: data, method, createdAt, now }
}

/** What every rail must guarantee, whatever it talks to. `make` returns a rail with an empty system behind it. */
export function railConformance(name: string, rail: Rail, make: () => Promise<Subject>): void {
  const start = async (subject: Subject, attempt = anAttempt(subject.now, { method: subject.method })) => {
    const outcome = await subject.rail.start(attempt, subject.approves, subject.access)
    return { attempt, outcome, kept: after(attempt, outcome) }
  }

  describe(`the rail ${name}`, () => {
    test('the rail is registered by its name and serves methods', async () => {
      expect((await make()).rail.name).toBe(name)
      expect(rail.methods.length).toBeGreaterThan(0)
      expect(new Set(rail.methods).size).toBe(rail.methods.length)
    })

    test('a repeated attempt has one effect and one answer', async () => {
      const subject = await make()
      const first = await start(subject)
      const second = await start(subject, first.attempt)
      expect(second.outcome).toEqual(first.outcome)
      if (subject.count) expect(subject.count(first.attempt.id)).toBe(1)
    })

    test('checking an attempt returns what starting it returned, and changes nothing', async () => {
      const subject = await make()
      const { attempt, outcome, kept } = await start(subject)
      const asked = await rail.check(kept, subject.access)
      // A payer who has not acted yet is still being waited for.
      expect(asked.status).toBe(outcome.status === 'requires_action' ? 'pending' : outcome.status)
      if (subject.count) expect(subject.count(attempt.id)).toBe(1)
    })

    test('an open outcome says when to check again', async () => {
      const subject = await make()
      const { outcome } = await start(subject)
      expect(['succeeded', 'pending', 'requires_action', 'failed']).toContain(outcome.status)
      if (outcome.status === 'pending' || outcome.status === 'requires_action') expect(outcome.checkAfterSeconds).toBeGreaterThan(0)
    })

    test('the stored data contains no part of a card number', async () => {
      const subject = await make()
      const { outcome } = await start(subject)
      const text = JSON.stringify(outcome)
      if (subject.cardNumber) expect(text).not.toContain(subject.cardNumber)
      expect(text).not.toMatch(/"(number|cvc|pan|exp_month)"/)
    })

    notificationsOf(rail, make, start)
    lostAnswersOf(rail, make)
    refundsOf(rail, make, start)
  })
}

type Start = (subject: Subject, attempt?: Attempt) => Promise<{ attempt: Attempt; outcome: Outcome; kept: Attempt }>

function notificationsOf(rail: Rail, make: () => Promise<Subject>, start: Start): void {
  test.runIf(rail.readNotification)('a notification with a valid signature is read, and one with a wrong or old signature is rejected', async () => {
    const subject = await make()
    const { attempt } = await start(subject)
    const read = async (signed: 'rightly' | 'wrongly' | 'an hour ago') => {
      const message = subject.message?.(attempt, signed)
      if (!message) throw new Error('a rail that reads notifications needs one to be tried with')
      return rail.readNotification?.(message, subject.access, subject.now)
    }
    expect(await read('rightly')).toMatchObject({ objectId: attempt.id, kind: 'charge', outcome: { status: 'succeeded' } })
    await expect(read('wrongly')).rejects.toBeInstanceOf(BadNotification)
    await expect(read('an hour ago')).rejects.toBeInstanceOf(BadNotification)
  })
}

function lostAnswersOf(rail: Rail, make: () => Promise<Subject>): void {
  test.skipIf(rail.local)('a lost answer is an unknown outcome, and a check finds the truth', async () => {
    const subject = await make()
    const attempt = anAttempt(subject.now, { method: subject.method })
    subject.loseAnswers?.(true)
    await expect(rail.start(attempt, subject.approves, subject.access)).rejects.toThrow()
    await expect(rail.check(attempt, subject.access)).rejects.toThrow()
    subject.loseAnswers?.(false)
    expect(await rail.check(attempt, subject.access)).toMatchObject({ status: 'succeeded' })
    expect(subject.count?.(attempt.id)).toBe(1)
  })

  test.skipIf(rail.local)('an attempt that never arrived stays open as long as it may be in flight, and then fails', async () => {
    const subject = await make()
    const attempt = anAttempt(subject.now, { method: subject.method })
    expect(await rail.check(attempt, subject.access)).toMatchObject({ status: 'pending' })
    const later = { ...attempt, now: new Date(attempt.createdAt.getTime() + 600_000) }
    expect(await rail.check(later, subject.access)).toMatchObject({ status: 'failed', code: 'not_started' })
  })
}

function refundsOf(rail: Rail, make: () => Promise<Subject>, start: Start): void {
  const refund = async (subject: Subject, one: RefundAttempt) => rail.refund?.(one, subject.access)

  test.runIf(rail.refund)('a repeated refund refunds once', async () => {
    const subject = await make()
    const { kept } = await start(subject)
    const one = aRefund(kept, 400n)
    const first = await refund(subject, one)
    expect(first).toMatchObject({ status: 'succeeded' })
    expect(await refund(subject, one)).toEqual(first)
    if (subject.count) expect(subject.count(one.id)).toBe(1)
    expect(await rail.checkRefund?.({ ...one, reference: null }, subject.access)).toEqual(first)
  })

  test.runIf(rail.refund)('a refund above the payment is rejected', async () => {
    const subject = await make()
    const { kept } = await start(subject)
    const one = aRefund(kept, 1001n)
    expect(await refund(subject, one)).toMatchObject({ status: 'failed' })
    if (subject.count) expect(subject.count(one.id)).toBe(0)
  })

  test.runIf(rail.refund && !rail.local)('a refund whose answer was lost is found and not repeated', async () => {
    const subject = await make()
    const { kept } = await start(subject)
    const one = aRefund(kept, 400n)
    subject.loseAnswers?.(true)
    await expect(refund(subject, one)).rejects.toThrow()
    subject.loseAnswers?.(false)
    expect(await rail.checkRefund?.({ ...one, reference: null }, subject.access)).toMatchObject({ status: 'succeeded' })
    expect(subject.count?.(one.id)).toBe(1)
  })
}
