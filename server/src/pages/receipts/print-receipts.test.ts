import { beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { aPng } from '#testing/pictures.ts'
import { receiptPrinter } from './print-receipts.ts'
import type { PrintTask } from './print-worker.ts'

const aTask = (id: string): PrintTask => {
  const at = new Date('2026-11-22T17:30:00Z')
  return {
    receipt: {
      id,
      currency: 'sgd',
      amount_minor: 1000n,
      admin_fee_minor: 0n,
      method: 'card',
      card: null,
      customer_name: 'Nguyễn 陈大文 สมชาย தமிழ்',
      customer_email: null,
      purpose: null,
      reference_number: null,
      unapplied_reason: null,
      paid_at: at,
      refunds: [],
      items: [],
      itemsAddUp: false,
      subtotalMinor: 1000n,
      refundedMinor: 0n,
      pendingRefundMinor: 0n,
      keptMinor: 1000n,
      status: 'paid',
    },
    business: { id: 'b', name: 'Kopi stall', slug: 'kopi', country: 'SG', currency: 'sgd', timezone: 'Asia/Singapore', mode: 'live' },
    issuer: [],
    language: 'en',
    url: `https://pay.example.com/receipt/${id}`,
    paper: 'a4',
    logo: undefined,
    font: undefined,
  }
}
const limits = { queue: 64, timeMs: 20_000, idleMs: 1_000 }
const outcomes = async (files: Promise<Buffer>[]) =>
  (await Promise.allSettled(files)).map((one) => (one.status === 'fulfilled' ? one.value.subarray(0, 5).toString() : one.reason.status))

describe('receiptPrinter', { timeout: 60_000 }, () => {
  test('a receipt that does not fit the queue is a 503 that says when to retry, and the others are printed', async () => {
    const print = receiptPrinter({ ...limits, queue: 2 })
    expect(await outcomes([print(aTask('first'))])).toEqual(['%PDF-'])
    const results = await outcomes(Array.from({ length: 8 }, (_, i) => print(aTask(`${i}`))))
    expect(new Set(results)).toEqual(new Set(['%PDF-', 503]))
    await expect(receiptPrinter({ ...limits, queue: 0 })(aTask('x'))).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
  })

  test('a receipt that takes too long is a 503, and the next one is printed', async () => {
    const print = receiptPrinter({ ...limits, timeMs: 1 })
    expect(await outcomes([print(aTask('a'))])).toEqual([503])
    expect(await outcomes([receiptPrinter(limits)(aTask('a'))])).toEqual(['%PDF-'])
  })

  test('the same receipt is printed once, and one with another logo again', async () => {
    const print = receiptPrinter(limits)
    const [first, again, other] = await Promise.all([
      print(aTask('a')),
      print(aTask('a')),
      print({ ...aTask('a'), logo: { contentType: 'image/png', data: aPng() } }),
    ])
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })
})

describe('GET /receipt/….pdf', () => {
  let client: Client
  let path: string
  beforeAll(async () => {
    client = await aBusiness()
    const request = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json
    const id = (await client.post(`/v1/sandbox/payment-requests/${request.id}/pay`, { method: 'paynow_online' })).json.payment_id
    path = new URL((await client.get(`/v1/charges/${id}/receipt`)).json.pdf_url).pathname
  })

  test('the server answers at once while it prints receipts', async () => {
    const variants = ['en', 'zh-Hans', 'th'].flatMap((lang) => ['a4', '80mm', '58mm'].map((paper) => `${path}?lang=${lang}&paper=${paper}`))
    let isDone = false
    const burst = Promise.all(variants.map((one) => send(client.server, 'GET', one))).finally(() => {
      isDone = true
    })
    const taken: number[] = []
    while (!isDone) {
      const began = performance.now()
      expect((await send(client.server, 'GET', '/healthz')).status).toBe(200)
      taken.push(performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect((await burst).map(({ status }) => status)).toEqual(variants.map(() => 200))
    // On the answering thread, one receipt alone took 120 ms or more.
    const sorted = taken.toSorted((a, b) => a - b)
    expect(taken.length).toBeGreaterThan(20)
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(20)
  }, 60_000)
})
