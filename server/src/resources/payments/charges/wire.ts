import { type Static, type TSchema, Type } from 'typebox'
import type { Business } from '#foundation/http/authentication.ts'
import { CursorPage, lenientFlag, plainText } from '#foundation/http/schemas.ts'
import { amountAsNumber } from '#foundation/shared/money.ts'
import { formatBusinessTime, formatUtcMicroseconds } from '#foundation/shared/time.ts'
import type { DeliveryShown, LocationShown } from './list-queries.ts'
import { DetailedMethod, ListedMethod, presentDetailedMethod, presentListedMethod } from './payment-method-wire.ts'
import type { ChargeRow } from './queries.ts'

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
  home_currency: Type.String({ description: 'The currency that it is booked in: the one it was paid in; nothing is converted.' }),
  exchange_rate: text,
  amount: Type.Number(),
  home_currency_amount: Type.Number(),
  net_amount: Type.Number({ description: 'The amount less the fees.' }),
  fixed_fee: Type.Number(),
  discount_fee: Type.Number(),
  discount_fee_rate: Type.Number({ description: 'Percent.' }),
  remark: text,
  status: Type.Enum(['pending', 'succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded', 'requires_customer_action']),
  customer_id: text,
  customer: Type.Object({ name: text, email: text, phone_number: text }),
  payment_request_id: text,
  payment_reference_number: Type.Unsafe<string | null>({ type: ['string', 'null'], description: "The rail's reference." }),
  webhook_status: Type.Boolean({ description: 'Whether a webhook about it, or about its payment request, has arrived.' }),
  order_reference_number: text,
  location: Place,
  channel: Type.String(),
  admin_fee: Type.Boolean({ description: 'Whether the payer paid the fee on top.' }),
  metadata: Type.Record(Type.String(), Type.String()),
  receipt_url: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: "The payer's receipt, for whoever has the address; null for a charge that was not paid.",
  }),
  xborder: Type.Boolean(),
  unapplied_reason: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Why the money does not count towards its payment request: `late`, `duplicate`, `short` or `over`.',
  }),
  failure_code: text,
  failure_reason: text,
  closed_at: text,
  created_at: Type.String(),
  updated_at: Type.String(),
}

/** A charge as lists show it. */
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

/** A charge with everything about it (behaviour §5.3); its refunds in the shape that the refunds resource gives them. */
export function chargeSchema<Item extends TSchema>(refund: Item) {
  return Type.Object(
    {
      ...shared,
      executor: nothingText,
      payment_method: DetailedMethod,
      amount_without_fees: Type.Number(),
      refunded_amount: Type.Number({ description: 'What has been given back, with refunds that are under way.' }),
      refunded_at: text,
      supports_partial_refund: Type.Boolean(),
      can_refund: Type.Boolean(),
      refund_available: Type.Number({ description: 'What can still be given back.' }),
      refund_blocked_message: text,
      refunds: Type.Array(refund),
      auto_refunds: Type.Array(refund, { description: 'Refunds that nobody asked for: of a payment that came twice.' }),
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
}

const many = (description: string, pattern = '^[^\\p{Cc}\\p{Cs}]*$') =>
  Type.Optional(
    Type.Unsafe<string | string[]>({
      type: ['array', 'string'],
      maxItems: 10,
      maxLength: 400,
      pattern,
      items: { type: 'string', maxLength: 64, pattern },
      description: `${description} Up to ten; as \`name[]=…\`, repeated, or separated by commas.`,
    }),
  )
const decimal = (description: string) =>
  Type.Optional(plainText(20, { pattern: '^([0-9]{1,15}([.][0-9]{1,10})?)?$', message: 'must be a number that is at least 0.', description }))
const size = (description?: string) => Type.Integer({ minimum: 1, maximum: 100, default: 25, ...(description ? { description } : {}) })

/** Filters of `GET /v1/charges`: the contract's and those of behaviour §5.2. */
export const ListCharges = Type.Object({
  per_page: size(),
  perPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'The same as `per_page`.' })),
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  keywords: Type.Optional(plainText(100, { description: 'Words in name, e-mail, phone, remark, reference or id, or amounts; all must be found.' })),
  remark: Type.Optional(plainText(255, { description: 'Text in the remark.' })),
  status: Type.Optional(plainText(32, { description: '`succeeded` (nothing refunded), `failed` (or canceled) or `refunded` (also in part).' })),
  statuses: many('These statuses. Without any filter on status: paid ones, refunded or not.'),
  refunded: Type.Optional(lenientFlag()),
  location_ids: many('At these locations.'),
  user_ids: many('By these members of staff.'),
  payment_methods: many('Paid with these methods.'),
  date_from: Type.Optional(plainText(10, { description: "From this day on, on the business's clock: `2024-10-05`." })),
  date_to: Type.Optional(plainText(10, { description: 'Until the end of this day, which is not after today.' })),
  amount_from: decimal('At least this amount.'),
  amount_to: decimal('At most this amount.'),
  channel: Type.Optional(plainText(64)),
  customer_email: Type.Optional(plainText(255)),
  customer_name: Type.Optional(plainText(255)),
  order_reference_number: Type.Optional(plainText(255)),
  payment_reference_number: Type.Optional(plainText(255, { description: "The rail's reference." })),
  id: Type.Optional(plainText(64)),
  relatable: Type.Optional(plainText(128, { description: '`type:id` of what it pays, for example `payment_request:<id>`.' })),
  payment_request_id: Type.Optional(plainText(64)),
  customer_id: Type.Optional(plainText(64)),
  payout_id: Type.Optional(plainText(64)),
})
export type ListCharges = Static<typeof ListCharges>

/** Parameters of `GET /v1/charges/export`, spelled as HitPay spells them. */
export const ExportCharges = Type.Object({
  perPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'At most so many charges; without it, all of them.' })),
  version: Type.Optional(plainText(16)),
  keywords: ListCharges.properties.keywords,
  before: Type.Optional(plainText(64, { description: 'Only charges that are newer in the list than this one.' })),
  after: Type.Optional(plainText(64, { description: 'Only charges that follow this one in the list.' })),
  payment_method: Type.Optional(plainText(64)),
  statuses: many('These statuses; `completed` is `succeeded`.'),
  'statuses[]': many('The same as `statuses`.'),
  dateFrom: ListCharges.properties.date_from,
  dateTo: ListCharges.properties.date_to,
  with: Type.Optional(plainText(64, { description: 'Taken and ignored.' })),
})
export type ExportCharges = Static<typeof ExportCharges>

/** What stands beside a charge's row. */
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

/** A charge's refunds, as the refunds resource shows them; handed in, because that resource lies above this one. */
export interface ChargeRefunds {
  schema: TSchema
  list(businessId: string, chargeId: string): Promise<{ shown: unknown; isAutomatic: boolean }[]>
}

/** What the detail says of refunds. */
export interface RefundState<Refund> {
  all: Refund[]
  automatic: Refund[]
  canRefund: boolean
  blocked: string | null
}

export function presentCharge<Refund>(row: ChargeRow, around: Surroundings, refunds: RefundState<Refund>, deliveries: DeliveryShown[]) {
  const amount = (minor: bigint) => amountAsNumber(minor, row.currency)
  return {
    ...presentShared(row, around),
    executor: null,
    payment_method: presentDetailedMethod(row, around.baseUrl),
    amount_without_fees: amount(netOf(row)),
    refunded_amount: amount(row.refunded_minor),
    refunded_at: row.refunded_at && formatUtcMicroseconds(row.refunded_at),
    supports_partial_refund: refunds.canRefund,
    can_refund: refunds.canRefund,
    refund_available: refunds.canRefund ? amount(row.amount_minor - row.refunded_minor) : 0,
    refund_blocked_message: refunds.blocked,
    refunds: refunds.all,
    auto_refunds: refunds.automatic,
    fees: [
      { type: 'fixed', amount: amount(row.fixed_fee_minor), currency: row.currency, rate: null },
      { type: 'discount', amount: amount(row.discount_fee_minor), currency: row.currency, rate: row.discount_fee_rate / 100 },
    ],
    target_id: row.payment_request_id,
    target_type: row.payment_request_id === null ? null : 'business_payment_request',
    webhook_logs: deliveries.map((one) => ({
      id: one.id,
      event_type: one.event_type,
      url: one.url,
      status: one.status,
      attempts: one.attempts,
      response_status: one.response_status,
      created_at: formatBusinessTime(one.created_at, around.business.timezone),
    })),
    terminal_id: null,
    was_delayed: false,
    is_captured: ['succeeded', 'refunded', 'partially_refunded'].includes(row.status),
    payout: null,
  }
}
