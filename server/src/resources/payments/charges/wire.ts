import { type Static, Type } from 'typebox'
import { CursorPage, lenientFlag, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { amountAsNumber } from '#foundation/shared/money.ts'
import { formatBusinessTime, formatUtcMicroseconds } from '#foundation/shared/time.ts'
import type { ShownRefund } from '#resources/payments/refunds/queries.ts'
import { presentRefund, Refund } from '#resources/payments/refunds/wire.ts'
import type { DeliveryShown, LocationShown } from './list-queries.ts'
import { DetailedMethod, ListedMethod, presentDetailedMethod, presentListedMethod } from './payment-method-wire.ts'
import { type ChargeRow, paidStatuses } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const nothing = Type.Unsafe<null>({
  type: ['object', 'null'],
  properties: { id: { type: 'string' }, display_name: { type: 'string' }, email: { type: 'string' } },
})
const nothingText = Type.Unsafe<null>({ type: ['string', 'null'] })
const Place = Type.Unsafe<LocationShown | null>({
  type: ['object', 'null'],
  properties: { id: { type: 'string' }, name: { type: 'string' }, address: { type: 'string' } },
  required: ['id', 'name', 'address'],
})

const shared = {
  id: Type.String({ format: 'uuid' }),
  currency: Type.String(),
  home_currency: Type.String({ description: 'Currency in which the charge is booked: always the currency it was paid in, because nothing is converted.' }),
  exchange_rate: text,
  amount: Type.Number(),
  home_currency_amount: Type.Number(),
  net_amount: Type.Number({ description: 'The amount minus the fees.' }),
  fixed_fee: Type.Number(),
  discount_fee: Type.Number(),
  discount_fee_rate: Type.Number({ description: 'In percent.' }),
  remark: text,
  status: Type.Enum(['pending', 'succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded', 'requires_customer_action']),
  customer_id: text,
  customer: Type.Object({ name: text, email: text, phone_number: text }),
  payment_request_id: text,
  payment_reference_number: Type.Unsafe<string | null>({ type: ['string', 'null'], description: "The rail's reference." }),
  webhook_status: Type.Boolean({ description: 'Whether a webhook about the charge or its payment request has been delivered.' }),
  order_reference_number: text,
  location: Place,
  channel: Type.String(),
  admin_fee: Type.Boolean({ description: 'Whether the fee was added on top and paid by the payer.' }),
  metadata: Type.Record(Type.String(), Type.String()),
  receipt_url: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: "The payer's receipt, readable by anyone who has the URL; null for a charge that was not paid.",
  }),
  xborder: Type.Boolean(),
  unapplied_reason: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Why the payment was not applied to its payment request: `late`, `duplicate`, `short` or `over`.',
  }),
  failure_code: text,
  failure_reason: text,
  closed_at: text,
  created_at: Type.String(),
  updated_at: Type.String(),
}

/** A charge as lists return it. */
export const ListedCharge = Type.Object({ ...shared, executor: nothing, payment_method: ListedMethod }, { title: 'ListedCharge' })
export type ListedCharge = Static<typeof ListedCharge>
export const ChargePage = CursorPage(ListedCharge, 'ChargePage')

const WebhookLog = Type.Object(
  {
    id: Type.String(),
    event_type: Type.String(),
    url: Type.String(),
    status: Type.String(),
    attempts: Type.Integer(),
    response_status: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
    created_at: Type.String(),
  },
  { title: 'WebhookLog' },
)

const ChargeFee = Type.Object(
  { type: Type.String(), amount: Type.Number(), currency: Type.String(), rate: Type.Unsafe<number | null>({ type: ['number', 'null'] }) },
  { title: 'ChargeFee' },
)

/** A charge with everything about it (behaviour §5.3). */
export const Charge = Type.Object(
  {
    ...shared,
    executor: nothingText,
    payment_method: DetailedMethod,
    amount_without_fees: Type.Number(),
    refunded_amount: Type.Number({ description: 'Amount refunded so far, including refunds in progress.' }),
    refunded_at: text,
    supports_partial_refund: Type.Boolean(),
    can_refund: Type.Boolean(),
    refund_available: Type.Number({ description: 'Amount that can still be refunded.' }),
    refund_blocked_message: text,
    refunds: Type.Array(Refund),
    auto_refunds: Type.Array(Refund, { description: 'Automatic refunds of duplicate payments.' }),
    fees: Type.Array(ChargeFee),
    target_id: text,
    target_type: text,
    webhook_logs: Type.Array(WebhookLog),
    terminal_id: text,
    was_delayed: Type.Boolean(),
    is_captured: Type.Boolean(),
    payout: Type.Unsafe<null>({ type: ['object', 'null'] }),
  },
  { title: 'Charge' },
)

const many = (description: string, pattern = '^[^\\p{Cc}\\p{Cs}]*$') =>
  Type.Optional(
    Type.Unsafe<string | string[]>({
      type: ['array', 'string'],
      maxItems: 10,
      maxLength: 400,
      pattern,
      items: { type: 'string', maxLength: 64, pattern },
      description: `${description} Up to ten, sent as \`name[]=…\`, repeated, or separated by commas.`,
    }),
  )
const decimal = (description: string) =>
  Type.Optional(plainText(20, { pattern: '^([0-9]{1,15}([.][0-9]{1,10})?)?$', message: 'must be a number that is at least 0.', description }))
const size = (description?: string) => Type.Integer({ minimum: 1, maximum: 100, default: 25, ...(description ? { description } : {}) })

/** Filters of `GET /v1/charges`: the contract's and those of behaviour §5.2. */
export const ListCharges = Type.Object({
  per_page: size(),
  perPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Alias of `per_page`.' })),
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  keywords: Type.Optional(plainText(100, { description: 'Words in the name, email, phone, remark, reference or id, or amounts; all must match.' })),
  remark: Type.Optional(plainText(255, { description: 'Text contained in the remark.' })),
  status: Type.Optional(
    plainText(32, { description: '`succeeded` (nothing refunded), `failed` (or canceled), `refunded` (in full or in part) or `partially_refunded`.' }),
  ),
  statuses: many('Only these statuses; without a status filter, paid charges, refunded or not.'),
  refunded: Type.Optional(lenientFlag()),
  location_ids: many('Only charges at these locations.'),
  user_ids: many('Only charges by these staff members.'),
  payment_methods: many('Only charges paid with these methods.'),
  payment_method: Type.Optional(plainText(400, { description: 'Alias of `payment_methods`.' })),
  date_from: Type.Optional(plainText(10, { description: "From this date on, in the business's time zone: `2024-10-05`." })),
  date_to: Type.Optional(plainText(10, { description: 'Until the end of this date, which may not be after today.' })),
  amount_from: decimal('At least this amount.'),
  amount_to: decimal('At most this amount.'),
  channel: Type.Optional(plainText(64)),
  customer_email: Type.Optional(plainText(255)),
  customer_name: Type.Optional(plainText(255)),
  order_reference_number: Type.Optional(plainText(255)),
  payment_reference_number: Type.Optional(plainText(255, { description: "The rail's reference." })),
  id: Type.Optional(plainText(64)),
  relatable: Type.Optional(plainText(128, { description: '`type:id` of the object that it pays, for example `payment_request:<id>`.' })),
  payment_request_id: Type.Optional(plainText(64)),
  customer_id: Type.Optional(plainText(64)),
  payout_id: Type.Optional(plainText(64)),
})
export type ListCharges = Static<typeof ListCharges>

/** Parameters of `GET /v1/charges/export`, named as HitPay names them. */
export const ExportCharges = Type.Object({
  perPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Maximum number of charges; all of them if omitted.' })),
  version: Type.Optional(plainText(16)),
  keywords: ListCharges.properties.keywords,
  before: Type.Optional(plainText(64, { description: 'Only charges before this one in the list (newer).' })),
  after: Type.Optional(plainText(64, { description: 'Only charges after this one in the list (older).' })),
  payment_method: Type.Optional(plainText(400, { description: 'Only charges paid with this method, or with one of several, separated by commas.' })),
  status: ListCharges.properties.status,
  statuses: many('Only these statuses; `completed` means `succeeded`.'),
  'statuses[]': many('Alias of `statuses`.'),
  dateFrom: ListCharges.properties.date_from,
  dateTo: ListCharges.properties.date_to,
  with: Type.Optional(plainText(64, { description: 'Accepted and ignored.' })),
})
export type ExportCharges = Static<typeof ExportCharges>

/** What is returned in addition to a charge's row. */
export interface Surroundings {
  business: Business
  baseUrl: string
  location: LocationShown | null
  webhookArrived: boolean
  receiptUrl: string | null
}

/** A charge's money after fees. */
export const netOf = (row: ChargeRow) => row.amount_minor - row.fixed_fee_minor - row.discount_fee_minor

function presentShared(row: ChargeRow, { business, location, webhookArrived, receiptUrl }: Surroundings) {
  const amount = (minor: bigint) => amountAsNumber(minor, row.currency)
  const time = (at: Date) => formatBusinessTime(at, business.timezone)
  return {
    id: row.id,
    currency: row.currency,
    home_currency: row.currency,
    exchange_rate: '1.00000',
    amount: amount(row.amount_minor),
    home_currency_amount: amount(row.amount_minor),
    net_amount: amount(netOf(row)),
    fixed_fee: amount(row.fixed_fee_minor),
    discount_fee: amount(row.discount_fee_minor),
    discount_fee_rate: row.discount_fee_rate / 100,
    remark: row.remark,
    status: row.status,
    customer_id: row.customer_id,
    customer: { name: row.customer_name, email: row.customer_email, phone_number: row.customer_phone },
    payment_request_id: row.payment_request_id,
    payment_reference_number: row.rail_reference,
    webhook_status: webhookArrived,
    order_reference_number: row.reference_number,
    location,
    channel: row.channel,
    admin_fee: row.admin_fee_minor > 0n,
    metadata: row.metadata,
    receipt_url: receiptUrl,
    xborder: false,
    unapplied_reason: row.unapplied_reason,
    failure_code: row.failure_code,
    failure_reason: row.failure_message,
    closed_at: row.closed_at && time(row.closed_at),
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
  }
}

export function presentListedCharge(row: ChargeRow, around: Surroundings): ListedCharge {
  return { ...presentShared(row, around), executor: null, payment_method: presentListedMethod(row, around.baseUrl) }
}

/** What the detail contains of a charge's refunds. */
export interface ChargeRefunds {
  /** Oldest first. */
  rows: ShownRefund[]
  /** Why nothing can be refunded; null if something can. */
  blocked: string | null
}

/** Automatic: the payment was a duplicate. */
const isAutomatic = ({ reason, refunded_by }: ShownRefund) => reason === 'duplicate' && refunded_by === null

export function presentCharge(row: ChargeRow, around: Surroundings, { rows: refunds, blocked }: ChargeRefunds, deliveries: DeliveryShown[]) {
  const amount = (minor: bigint) => amountAsNumber(minor, row.currency)
  return {
    ...presentShared(row, around),
    executor: null,
    payment_method: presentDetailedMethod(row, around.baseUrl),
    amount_without_fees: amount(netOf(row)),
    refunded_amount: amount(row.refunded_minor),
    refunded_at: row.refunded_at && formatUtcMicroseconds(row.refunded_at),
    supports_partial_refund: blocked === null,
    can_refund: blocked === null,
    refund_available: blocked === null ? amount(row.amount_minor - row.refunded_minor) : 0,
    refund_blocked_message: blocked,
    refunds: refunds.map(presentRefund),
    auto_refunds: refunds.filter(isAutomatic).map(presentRefund),
    fees: [
      { type: 'fixed', amount: amount(row.fixed_fee_minor), currency: row.currency, rate: null },
      { type: 'discount', amount: amount(row.discount_fee_minor), currency: row.currency, rate: row.discount_fee_rate / 100 },
    ],
    target_id: row.payment_request_id,
    target_type: row.payment_request_id === null ? null : 'business_payment_request',
    webhook_logs: deliveries.map((delivery) => ({ ...delivery, created_at: formatBusinessTime(delivery.created_at, around.business.timezone) })),
    terminal_id: null,
    was_delayed: false,
    is_captured: paidStatuses.has(row.status),
    payout: null,
  }
}
