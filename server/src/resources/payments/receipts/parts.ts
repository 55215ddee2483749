import type { Business } from '#foundation/shared/business.ts'
import type { Speech } from './language.ts'
import type { PricedItem, Receipt } from './receipt-wire.ts'

/** The contents of a receipt, in the order of the page and the PDF. */
export interface Fact {
  label: string
  value: string
}

/** When, how, for what and by whom it was paid. */
export function factsOf(receipt: Receipt, { texts, moment, method }: Speech): Fact[] {
  const payer = [receipt.customer_name, receipt.customer_email].filter((one) => one !== null).join(' · ')
  const all: [label: string, value: string | null][] = [
    [texts.date, moment(receipt.paid_at)],
    [texts.method, method()],
    [texts.purpose, receipt.purpose],
    [texts.reference, receipt.reference_number],
    [texts.payer, payer],
    [texts.payment, receipt.id],
  ]
  return all.flatMap(([label, value]) => (value ? [{ label, value }] : []))
}

export interface Total {
  label: string
  amount: string
  isTotal: boolean
}

/** The figures that add up: what was paid, the fee in it, what was refunded, and what is left. */
export function totalsOf(receipt: Receipt, { texts, money, day, fill }: Speech): Total[] {
  const plain = (label: string, amount: string): Total => ({ label, amount, isTotal: false })
  const refunds = receipt.refunds.map(({ amount_minor, status, at }) =>
    // A refund in flight has not been paid out yet, so it is shown and not subtracted.
    status === 'succeeded'
      ? plain(fill(texts.refundOn, { date: day(at) }), money(-amount_minor))
      : plain(fill(texts.refundPending, { date: day(at) }), `(${money(amount_minor)})`),
  )
  return [
    ...(receipt.admin_fee_minor > 0n ? [plain(texts.subtotal, money(receipt.subtotalMinor)), plain(texts.adminFee, money(receipt.admin_fee_minor))] : []),
    { label: texts.total, amount: money(receipt.amount_minor), isTotal: true },
    ...refunds,
    ...(receipt.refundedMinor > 0n ? [{ label: texts.net, amount: money(receipt.keptMinor), isTotal: true }] : []),
  ]
}

/** What a payer must know in addition to the figures. */
export function notesOf(receipt: Receipt, { mode }: Pick<Business, 'mode'>, { texts }: Speech): string[] {
  return [
    ...(mode === 'sandbox' ? [texts.test] : []),
    ...(receipt.unapplied_reason === null ? [] : [texts[receipt.unapplied_reason]]),
    ...(receipt.items.length > 0 && !receipt.itemsAddUp ? [texts.itemsAsGiven] : []),
  ]
}

/** The quantity of an item and its price: in the currency's decimals if that is exact, otherwise as it was sent. */
export function countOf({ quantity, price, unitMinor, amountMinor }: PricedItem, { money }: Speech): string | undefined {
  const each = unitMinor === null ? (price === null ? undefined : String(price)) : money(unitMinor)
  // A single one, with its amount beside it: nothing that the amount does not say.
  if (amountMinor !== null && (quantity === null || quantity === '1')) return undefined
  if (each === undefined) return quantity === null ? undefined : `${quantity} ×`
  return `${quantity ?? '1'} × ${each}`
}
