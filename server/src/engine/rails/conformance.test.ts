import { afterAll, expect, test } from 'vitest'
import { payNowRail } from '#engine/rails/paynow/paynow.ts'
import { simulatorRail } from '#engine/rails/simulator/simulator.ts'
import { stripeRail } from '#engine/rails/stripe/stripe.ts'
import { type StripeFake, startStripeFake } from '#testing/stripe-fake.ts'
import { anAttempt, railConformance } from './conformance.ts'

const fakes: StripeFake[] = []
afterAll(async () => {
  for (const fake of fakes) await fake.close()
})

const cardNumber = '4242424242424242'

railConformance('simulator', simulatorRail, async () => ({
  rail: simulatorRail,
  access: {},
  now: new Date(),
  method: 'card',
  approves: { card: { number: cardNumber } },
  cardNumber,
}))

railConformance('paynow', payNowRail, async () => ({
  rail: payNowRail,
  now: new Date(),
  access: { proxy_type: 'uen', proxy_value: '201101550Z', name: 'Kopi stall' },
  method: 'paynow_online',
  approves: {},
}))

railConformance('stripe', stripeRail, async () => {
  const fake = await startStripeFake()
  fakes.push(fake)
  return {
    rail: stripeRail,
    access: fake.access,
    now: new Date(),
    method: 'card',
    approves: { token: 'pm_card_visa' },
    cardNumber,
    count: fake.count,
    loseAnswers: (losing) => fake.fault(losing ? 'drop' : undefined),
    message: (attempt, signed) =>
      fake.message('payment_intent.succeeded', fake.intentOf(attempt.id), {
        ...(signed === 'wrongly' ? { secret: 'whsec_other' } : {}),
        ...(signed === 'an hour ago' ? { at: new Date(Date.now() - 3_600_000) } : {}),
      }),
  }
})

test('PayNow waits a day for a transfer', async () => {
  const createdAt = new Date('2026-03-01T04:00:00Z')
  const asked = (hours: number) => payNowRail.check({ ...anAttempt(createdAt), now: new Date(createdAt.getTime() + hours * 3_600_000) }, {})
  expect(await asked(23)).toMatchObject({ status: 'pending' })
  expect(await asked(24)).toMatchObject({ status: 'failed', code: 'expired', canceled: true })
})
