import { type Static, Type } from 'typebox'
import type { Business } from '#foundation/shared/business.ts'
import { amountAsNumber } from '#foundation/shared/money.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { displayName } from '#resources/payments/charges/payment-method-wire.ts'
import type { Receipt } from './receipt-wire.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const number = Type.Unsafe<number | null>({ type: ['number', 'null'] })

const Item = Type.Object(
  {
    name: Type.String(),
    description: text,
    quantity: text,
    price: number,
    amount: Type.Unsafe<number | null>({ type: ['number', 'null'], description: 'Price times quantity; null if that is not a whole number of minor units.' }),
  },
  { title: 'ReceiptItem' },
)

const Refunded = Type.Object(
  { id: Type.String({ format: 'uuid' }), amount: Type.Number(), status: Type.Enum(['pending', 'succeeded']), date: Type.String() },
  { title: 'ReceiptRefund' },
)

/** A receipt in figures, as its page and its PDF show them. */
export const ReceiptAnswer = Type.Object(
  {
    url: Type.String({ description: "The payer's page. Anyone who has the URL can read it, but it cannot be guessed." }),
    pdf_url: Type.String({ description: 'The PDF in A4; add `?paper=80mm` or `?paper=58mm` for receipt printers, and `lang=` for a language.' }),
    charge_id: Type.String({ format: 'uuid' }),
    status: Type.Enum(['paid', 'partially_refunded', 'refunded']),
    merchant: Type.String(),
    payer: Type.Object({ name: text, email: text }),
    purpose: text,
    reference_number: text,
    payment_method: Type.Object({ code: Type.String(), name: Type.String(), brand: text, last4: text }),
    currency: Type.String(),
    items: Type.Array(Item),
    items_add_up: Type.Boolean({ description: 'Whether the items add up to `subtotal`; if not, they are shown as sent.' }),
    subtotal: Type.Number({ description: 'Amount paid, without `admin_fee`.' }),
    admin_fee: Type.Number(),
    amount: Type.Number({ description: 'Amount paid.' }),
    refunds: Type.Array(Refunded),
    refunded_amount: Type.Number({ description: 'Amount refunded so far, excluding refunds in progress.' }),
    pending_refund_amount: Type.Number(),
    net_paid: Type.Number({ description: '`amount` minus `refunded_amount`.' }),
    unapplied_reason: text,
    paid_at: Type.String(),
  },
  { title: 'Receipt' },
)
export type ReceiptAnswer = Static<typeof ReceiptAnswer>

export function presentReceipt(receipt: Receipt, business: Business, url: string): ReceiptAnswer {
  const { currency, card, method } = receipt
  const amount = (minor: bigint) => amountAsNumber(minor, currency)
  const time = (at: Date) => formatBusinessTime(at, business.timezone)
  return {
    url,
    pdf_url: `${url}.pdf`,
    charge_id: receipt.id,
    status: receipt.status,
    merchant: business.name,
    payer: { name: receipt.customer_name, email: receipt.customer_email },
    purpose: receipt.purpose,
    reference_number: receipt.reference_number,
    payment_method: { code: method, name: displayName(method), brand: card?.brand ?? null, last4: card?.last4 ?? null },
    currency,
    items: receipt.items.map(({ name, description, quantity, price, amountMinor }) => ({
      name,
      description,
      quantity,
      price,
      amount: amountMinor === null ? null : amount(amountMinor),
    })),
    items_add_up: receipt.itemsAddUp,
    subtotal: amount(receipt.subtotalMinor),
    admin_fee: amount(receipt.admin_fee_minor),
    amount: amount(receipt.amount_minor),
    refunds: receipt.refunds.map(({ id, amount_minor, status, at }) => ({ id, amount: amount(amount_minor), status, date: time(at) })),
    refunded_amount: amount(receipt.refundedMinor),
    pending_refund_amount: amount(receipt.pendingRefundMinor),
    net_paid: amount(receipt.keptMinor),
    unapplied_reason: receipt.unapplied_reason,
    paid_at: time(receipt.paid_at),
  }
}
