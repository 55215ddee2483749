import { exponentOf } from '#foundation/shared/money.ts'
import type { ReceiptItem, ReceiptRow } from './queries.ts'

/** An item with its price and its amount, if that is a whole number of minor units. */
export interface PricedItem {
  name: string
  description: string | null
  /** As it was sent: 2, 0.5. */
  quantity: string | null
  /** The price of one, as it was sent. */
  price: number | null
  unitMinor: bigint | null
  amountMinor: bigint | null
}

/** A charge as on its receipt: every figure is here, once, for the page, the PDF and the JSON. */
export interface Receipt extends Omit<ReceiptRow, 'line_items'> {
  items: PricedItem[]
  /** Whether the items add up to what was paid without the fee; otherwise they are shown as sent. */
  itemsAddUp: boolean
  /** What was paid without the fee that the payer bore. */
  subtotalMinor: bigint
  refundedMinor: bigint
  pendingRefundMinor: bigint
  /** What was paid minus what has been refunded. */
  keptMinor: bigint
  status: 'paid' | 'partially_refunded' | 'refunded'
}

const plain = /^(-?\d{1,15})(?:\.(\d{1,10}))?$/

/** A number as it was sent, as an integer and its decimals; undefined if floats write it with an exponent. */
function digitsOf(value: number): { digits: bigint; decimals: number } | undefined {
  const match = plain.exec(String(value))
  if (!match) return undefined
  const fraction = match[2] ?? ''
  return { digits: BigInt(`${match[1]}${fraction}`), decimals: fraction.length }
}

/** Price times quantity in minor units; null unless it is a whole number. */
function product(price: number, quantity: number, exponent: number): bigint | null {
  const [a, b] = [digitsOf(price), digitsOf(quantity)]
  if (!a || !b) return null
  const scaled = a.digits * b.digits * 10n ** BigInt(exponent)
  const scale = 10n ** BigInt(a.decimals + b.decimals)
  return scaled % scale === 0n ? scaled / scale : null
}

function priced({ name, price, quantity, description }: ReceiptItem, currency: string): PricedItem {
  return {
    name: name ?? description ?? '',
    description: name === null ? null : description,
    quantity: quantity === null ? null : String(quantity),
    price,
    unitMinor: price === null ? null : product(price, 1, exponentOf(currency)),
    amountMinor: price === null ? null : product(price, quantity ?? 1, exponentOf(currency)),
  }
}

const sum = (amounts: bigint[]) => amounts.reduce((total, one) => total + one, 0n)

/** Adds up a receipt from stored data. */
export function addUpReceipt(row: ReceiptRow): Receipt {
  const { line_items, ...about } = row
  const items = (line_items ?? []).map((item) => priced(item, row.currency)).filter(({ name, amountMinor }) => name !== '' || amountMinor !== null)
  const amounts = items.map(({ amountMinor }) => amountMinor).filter((amount) => amount !== null)
  const subtotalMinor = row.amount_minor - row.admin_fee_minor
  const given = (status: 'pending' | 'succeeded') => sum(row.refunds.filter((refund) => refund.status === status).map(({ amount_minor }) => amount_minor))
  const refundedMinor = given('succeeded')
  return {
    ...about,
    items,
    itemsAddUp: items.length > 0 && amounts.length === items.length && sum(amounts) === subtotalMinor,
    subtotalMinor,
    refundedMinor,
    pendingRefundMinor: given('pending'),
    keptMinor: row.amount_minor - refundedMinor,
    status: refundedMinor === 0n ? 'paid' : refundedMinor === row.amount_minor ? 'refunded' : 'partially_refunded',
  }
}
