import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { exponentOf, formatAmount } from '#foundation/shared/money.ts'
import { aBusiness } from '#testing/api.ts'
import { aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'
import type { ReceiptItem, ReceiptRow } from './queries.ts'
import { addUpReceipt } from './receipt-wire.ts'

const at = new Date('2026-11-22T12:00:00Z')
const aRow = (about: Partial<ReceiptRow> = {}): ReceiptRow => ({
  id: '0192f7a0-0000-7000-8000-000000000001',
  currency: 'sgd',
  amount_minor: 10_000n,
  admin_fee_minor: 0n,
  method: 'card',
  card: null,
  customer_name: null,
  customer_email: null,
  purpose: null,
  reference_number: null,
  unapplied_reason: null,
  line_items: null,
  paid_at: at,
  refunds: [],
  ...about,
})
const anItem = (price: number | null, quantity: number | null): ReceiptItem => ({ name: 'Tea', price, quantity, description: null })

describe('the figures of a receipt', () => {
  test('a receipt adds up, whatever was paid, added as a fee and refunded', () => {
    const currency = fc.constantFrom('sgd', 'vnd', 'kwd')
    const parts = fc.array(fc.record({ amount: fc.bigInt(1n, 10n ** 12n), status: fc.constantFrom('succeeded' as const, 'pending' as const) }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(currency, parts, fc.bigInt(0n, 10n ** 12n), fc.bigInt(1n, 10n ** 12n), (code, refunds, rest, fee) => {
        const amount = refunds.reduce((total, one) => total + one.amount, 0n) + rest + fee
        const row = aRow({
          currency: code,
          amount_minor: amount,
          admin_fee_minor: fee,
          refunds: refunds.map((one, i) => ({ id: String(i), amount_minor: one.amount, status: one.status, at })),
        })
        const receipt = addUpReceipt(row)
        expect(receipt.subtotalMinor + receipt.admin_fee_minor).toBe(amount)
        expect(receipt.keptMinor + receipt.refundedMinor).toBe(amount)
        expect(receipt.refundedMinor + receipt.pendingRefundMinor).toBe(amount - rest - fee)
        expect(receipt.status).toBe(receipt.refundedMinor === 0n ? 'paid' : 'partially_refunded')
      }),
    )
  })

  test('the items of a receipt add up exactly if their prices times quantities are what was paid without the fee', () => {
    const cents = fc.record({ price: fc.integer({ min: 1, max: 10_000_000 }), quantity: fc.integer({ min: 1, max: 99 }) })
    fc.assert(
      fc.property(fc.constantFrom('sgd', 'vnd', 'kwd'), fc.array(cents, { minLength: 1, maxLength: 10 }), fc.bigInt(0n, 500n), (currency, items, fee) => {
        const scale = 10 ** exponentOf(currency)
        const line_items = items.map(({ price, quantity }) => anItem(price / scale, quantity))
        const total = items.reduce((sum, { price, quantity }) => sum + BigInt(price) * BigInt(quantity), 0n)
        const receipt = addUpReceipt(aRow({ currency, line_items, amount_minor: total + fee, admin_fee_minor: fee }))
        expect(receipt.itemsAddUp).toBe(true)
        expect(receipt.items.reduce((sum, { amountMinor }) => sum + (amountMinor ?? 0n), 0n)).toBe(receipt.subtotalMinor)
        expect(addUpReceipt(aRow({ currency, line_items, amount_minor: total + fee + 1n, admin_fee_minor: fee })).itemsAddUp).toBe(false)
      }),
    )
  })

  test.each([
    ['half a kilo of something', anItem(19.9, 0.5), 995n],
    ['a discount', anItem(-2.5, 2), -500n],
    ['a price without a quantity', anItem(7, null), 700n],
    ['what does not come out even', anItem(1.005, 1), null],
    ['no price', anItem(null, 3), null],
    ['a number that floats cannot hold', anItem(1e21, 1), null],
  ])('the amount of an item is right for %s', (_, item, amount) => {
    expect(addUpReceipt(aRow({ line_items: [item] })).items[0]?.amountMinor).toBe(amount)
  })

  test('a fully refunded charge is refunded, and one whose refund is in flight is paid', () => {
    const refund = (status: 'pending' | 'succeeded') => ({ id: '1', amount_minor: 10_000n, status, at })
    expect(addUpReceipt(aRow({ refunds: [refund('succeeded')] })).status).toBe('refunded')
    expect(addUpReceipt(aRow({ refunds: [refund('pending')] })).status).toBe('paid')
  })
})

describe('GET /v1/charges/{id}/receipt', () => {
  let payments: Payments
  beforeAll(async () => {
    payments = await startPayments()
  })
  const merchant = () => aBusiness({ name: 'Kopi stall' }, payments.server)

  test('a receipt has the figures of its page, and the URL that the charge and its list have', async () => {
    const client = await merchant()
    const line_items = [{ ...anItem(47.5, 2), id: null, sku: null, category: null, url: null }]
    const request = await aPaymentRequest(client, { amount_minor: 9500n, line_items })
    const charge = await aPaidCharge(payments, client, { payment_request_id: request.id, amount_minor: 9840n, admin_fee_minor: 340n })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 8.4 })
    const { status, json } = await client.get(`/v1/charges/${charge.id}/receipt`)
    expect(status).toBe(200)
    expect(json).toMatchObject({
      charge_id: charge.id,
      status: 'partially_refunded',
      merchant: 'Kopi stall',
      payer: { name: 'Tan Ah Kow', email: 'payer@example.com' },
      purpose: 'Kaya toast',
      reference_number: 'A-1007',
      payment_method: { code: 'card', brand: 'visa', last4: '4242' },
      items: [{ name: 'Tea', quantity: '2', price: 47.5, amount: 95 }],
      items_add_up: true,
      subtotal: 95,
      admin_fee: 3.4,
      amount: 98.4,
      refunds: [{ amount: 8.4, status: 'succeeded' }],
      refunded_amount: 8.4,
      pending_refund_amount: 0,
      net_paid: 90,
      unapplied_reason: null,
    })
    expect(json.url).toMatch(new RegExp(`^${payments.server.url}/receipt/@${client.business.slug}/${charge.id}/[\\w-]{22}$`))
    expect(json.pdf_url).toBe(`${json.url}.pdf`)
    expect((await client.get(`/v1/charges/${charge.id}`)).json.receipt_url).toBe(json.url)
    expect((await client.get('/v1/charges')).json.data[0].receipt_url).toBe(json.url)
  })

  test('a charge that was not paid has no receipt', async () => {
    const client = await merchant()
    const charge = await aPendingCharge(client)
    expect((await client.get(`/v1/charges/${charge.id}`)).json.receipt_url).toBeNull()
    expect((await client.get(`/v1/charges/${charge.id}/receipt`)).status).toBe(404)
  })

  test('a failed refund is not on the receipt', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, {})
    payments.remote.refundAnswers.push({ status: 'failed', code: 'declined', message: 'No.' })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 5 })
    const { json } = await client.get(`/v1/charges/${charge.id}/receipt`)
    expect(json).toMatchObject({ refunds: [], net_paid: Number(formatAmount(charge.amount_minor, 'sgd')), status: 'paid' })
  })
})
