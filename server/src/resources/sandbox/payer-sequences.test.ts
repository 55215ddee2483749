import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expireDuePaymentRequests } from '#resources/payments/payment-requests/expire-payment-requests-job.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { checkDue } from '#testing/payments.ts'

type Step =
  | { do: 'begin' }
  | { do: 'pay'; more: Record<string, unknown> }
  | { do: 'answer'; which: number; outcome: string }
  | { do: 'answer twice'; which: number; outcome: string }
  | { do: 'wait'; seconds: number }

const outcome = fc.constantFrom('approved', 'declined', 'canceled', 'timeout', 'slow')
const which = fc.nat(5)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'begin' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), which, outcome }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answer twice' as const), which, outcome }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pay' as const),
      more: fc.constantFrom<Record<string, unknown>>({}, { anyway: true }, { late: true }, { amount: '9.00', anyway: true }, { amount: '11.00', anyway: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(15, 200, 400, 1000) }) },
)

const final = new Set(['succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded'])

/** A payer and the jobs, at a time that never goes back. */
async function play(client: Client, steps: Step[]): Promise<void> {
  const { app, database } = client.server
  const { json: request } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', expires_after: '5 mins' })
  const charges: string[] = []
  const ended = new Map<string, string>()
  let ahead = 0
  const pay = async (body: Record<string, unknown>) => {
    const { status, json } = await client.post(`/v1/sandbox/payment-requests/${request.id}/pay`, { method: 'grabpay_direct', ...body })
    expect([200, 409]).toContain(status)
    if (status === 200) charges.push(json.payment_id)
  }
  for (const one of steps) {
    if (one.do === 'begin') await pay({ interactive: true })
    else if (one.do === 'pay') await pay(one.more)
    else if (one.do === 'wait') {
      ahead += one.seconds
      const clock = clockAt(() => new Date(Date.now() + ahead * 1000))
      await expireDuePaymentRequests({ ...app.payments, clock }, { until: clock.system() })
      await checkDue(client, ahead)
    } else {
      const id = charges[one.which % Math.max(1, charges.length)]
      const times = id === undefined ? 0 : one.do === 'answer' ? 1 : 2
      const answers = await Promise.all(Array.from({ length: times }, () => client.post(`/v1/sandbox/payments/${id}/answer`, { outcome: one.outcome })))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    const { rows } = await database.pool.query('select id, status, unapplied_reason from charges where business_id = $1 and payment_request_id = $2', [
      client.business.id,
      request.id,
    ])
    // Every attempt exists, and what has ended stays so, or is refunded.
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(charges))
    for (const { id, status } of rows) {
      const before = ended.get(id)
      if (before !== undefined && before !== status) expect([before, status]).toEqual(['succeeded', 'refunded'])
      if (final.has(status)) ended.set(id, status)
    }
    const applied = rows.filter(({ status, unapplied_reason }) => status === 'succeeded' && unapplied_reason === null)
    const { json: shown } = await client.get(`/v1/payment-requests/${request.id}`)
    expect(applied.length).toBe(shown.status === 'completed' ? 1 : 0)
    const kept = rows.filter(({ status, unapplied_reason }) => ['succeeded', 'refunded'].includes(status) && unapplied_reason !== null)
    expect(kept.length + applied.length).toBe(rows.filter(({ status }) => ['succeeded', 'refunded'].includes(status)).length)
  }
}

test('whatever payers do in whatever order, one payment completes a request and every other one stays visible', { timeout: 60_000 }, async () => {
  const client = await aBusiness()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), (steps) => play(client, steps)),
    { numRuns: 15, interruptAfterTimeLimit: 5_000 },
  )
  // Nothing is left for other tests to poll.
  await checkDue(client, 100_000)
})
