import { type Static, Type } from 'typebox'
import { longText, nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { formatLocalTime } from '#foundation/shared/time.ts'
import { Location } from '#resources/business/locations/wire.ts'
import type { PaymentRequestRow } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const number = Type.Unsafe<number | null>({ type: ['number', 'null'] })

const uuid = (description: string) => Type.String({ format: 'uuid', description })
const url = (description: string) => nullable(plainText(1028, { description }))
const flag = (description: string) => Type.Boolean({ description })

const LineItemInput = Type.Object({
  id: Type.Optional(nullable(plainText(255))),
  name: Type.Optional(nullable(longText(1000))),
  price: Type.Optional(number),
  quantity: Type.Optional(number),
  description: Type.Optional(nullable(longText(5000))),
  sku: Type.Optional(nullable(plainText(255))),
  category: Type.Optional(nullable(plainText(255))),
  url: Type.Optional(nullable(plainText(2048))),
})

const AddressInput = Type.Object({
  line1: plainText(255, { minLength: 1 }),
  line2: Type.Optional(nullable(plainText(255))),
  city: plainText(255, { minLength: 1 }),
  state: plainText(255, { minLength: 1 }),
  country: plainText(64, { minLength: 1 }),
  postal_code: plainText(32, { minLength: 1 }),
})

const metadataValue = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 500, pattern: '^(?:[^\\p{Cc}\\p{Cs}]|[\\n\\r\\t])*$' })

const editable = {
  amount: Type.Unsafe<number | string | null>({
    type: ['number', 'string', 'null'],
    maxLength: 32,
    description:
      'In major units, as a number or as text without thousands separators, from 0.3 to 999999999.99. If omitted, the payer enters it; QR codes and direct links require it.',
  }),
  currency: plainText(3, { minLength: 1, description: 'ISO 4217 code, case-insensitive.' }),
  payment_methods: Type.Array(plainText(64), {
    maxItems: 100,
    description:
      "Codes of methods that your account has in the currency; all of them if omitted. A comma-separated text and a form's `payment_methods[]` are also accepted.",
  }),
  name: nullable(plainText(255, { description: "The payer's name." })),
  email: nullable(
    Type.String({ format: 'email', maxLength: 255, description: "The payer's email address. If it belongs to exactly one customer, that customer is linked." }),
  ),
  phone: nullable(plainText(15, { description: "The payer's phone number." })),
  purpose: nullable(longText(255, { description: 'What the payment is for.' })),
  reference_number: nullable(plainText(255, { description: 'Your own reference; it need not be unique.' })),
  redirect_url: url('Where the payer is sent after paying; `reference` and `status` are added to its query.'),
  webhook: url("URL that receives a form, signed with the API key's salt, when a payment succeeds: https, in the sandbox also http."),
  failed_webhook: url('URL that receives a form when a payment fails: https, in the sandbox also http.'),
  send_sms: flag('Whether to send the payer an SMS; sent only if a provider is set up. Default true.'),
  send_email: flag('Whether to email the payer a receipt. Default false.'),
  allow_repeated_payments: flag('Whether to accept more than one payment; the request then stays pending. Default false.'),
  add_admin_fee: flag("Whether to add the method's fee on top, paid by the payer. Default false."),
  is_currency_editable: flag('Returned as sent. Default false.'),
  generate_qr: flag('Return `qr_code_data`; requires an amount and exactly one method that supports QR codes.'),
  generate_direct_link: flag(
    'Return `direct_link`; requires an amount, a redirect_url and exactly one method that supports direct links. Cannot be combined with generate_qr.',
  ),
  expiry_date: nullable(
    plainText(40, { description: "`YYYY-MM-DD HH:mm:ss` in the business's time zone, in the future. Takes precedence over expires_after." }),
  ),
  expires_after: nullable(plainText(40, { description: '`<number> mins`, `<number> hours` or `<number> days`; at least 5 minutes.' })),
  address: Type.Unsafe<Static<typeof AddressInput> | null>({ ...AddressInput, type: ['object', 'null'], description: "The payer's address." }),
  line_items: Type.Unsafe<Static<typeof LineItemInput>[] | null>({
    type: ['array', 'null'],
    maxItems: 500,
    items: LineItemInput,
    description: 'Returned as sent.',
  }),
  metadata: Type.Unsafe<Record<string, string | null> | null>({
    type: ['object', 'null'],
    additionalProperties: metadataValue,
    propertyNames: { pattern: '^[^\\p{Cc}\\p{Cs}]{1,255}$' },
    description: 'Up to 50 key-value pairs of text, with values of up to 500 characters. On update, `null` removes a key, and keys that are not sent stay.',
  }),
  wifi_terminal_id: nullable(plainText(255, { description: 'The terminal to activate; required with `wifi_card_reader`.' })),
  staff_id: nullable(uuid('A staff member. Only on create.')),
  business_location_id: nullable(uuid('An active location of the business.')),
  location_id: nullable(uuid('Alias of business_location_id.')),
  customer_id: nullable(uuid('A customer of the business, to be linked.')),
}

/** The body of `PUT` and `PATCH`; absent fields stay unchanged. */
export const UpdatePaymentRequest = Type.Object(Type.Partial(Type.Object(editable)).properties)
export type UpdatePaymentRequest = Static<typeof UpdatePaymentRequest>

/** The body of `POST`. */
export const CreatePaymentRequest = Type.Object(
  {
    ...UpdatePaymentRequest.properties,
    currency: editable.currency,
    channel: Type.Optional(
      Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9_.-]{1,64}$', description: 'Which program created it; shown on its charges. Default `api_custom`.' }),
    ),
  },
  { examples: [{ amount: '10.00', currency: 'SGD', email: 'jsmith@example.com', reference_number: 'A-1001', payment_methods: ['paynow_online', 'card'] }] },
)
export type CreatePaymentRequest = Static<typeof CreatePaymentRequest>

/** Fields that are true or false. */
export const flags = [
  'send_sms',
  'send_email',
  'allow_repeated_payments',
  'add_admin_fee',
  'is_currency_editable',
  'generate_qr',
  'generate_direct_link',
] as const

/** A payment of a request, as HitPay lists it inside the request (behaviour §2.2); `id` is the charge's. */
export const Payment = Type.Object(
  {
    id: Type.String(),
    quantity: Type.Integer(),
    status: Type.String(),
    buyer_name: text,
    buyer_phone: text,
    buyer_email: text,
    currency: Type.String(),
    amount: Type.String(),
    refunded_amount: Type.String(),
    payment_type: Type.String(),
    fees: Type.String(),
    fees_currency: Type.String(),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'Payment' },
)
export type Payment = Static<typeof Payment>

const statuses = ['pending', 'completed', 'failed', 'expired', 'canceled', 'inactive'] as const

const nullableObject = <Properties extends Record<string, unknown>>(properties: Properties) => ({
  type: ['object', 'null'],
  properties,
  required: Object.keys(properties),
})

const localTime = "In the business's time zone, without a UTC offset."

const QrCodeData = Type.Object(
  { qr_code: Type.String({ description: 'The text encoded in the QR code.' }), qr_code_expiry: text, qr_image_mime: text },
  { title: 'QrCodeData', description: 'The payment code of the request; returned when generate_qr was set.' },
)

const DirectLink = Type.Object(
  { direct_link_url: Type.String(), direct_link_app_url: text, expiry_time: text },
  { title: 'DirectLink', description: 'Where to send the payer; returned when generate_direct_link was set.' },
)

/** The part of every answer; the rest depends on the call (behaviour §2.2). */
export const PaymentRequest = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: text,
    email: text,
    phone: text,
    amount: text,
    currency: Type.String({ description: 'ISO 4217 in lower case.' }),
    is_currency_editable: Type.Boolean(),
    status: Type.Enum([...statuses]),
    purpose: text,
    reference_number: text,
    payment_methods: Type.Array(Type.String()),
    url: Type.String({ description: 'The hosted checkout page on which the payer pays.' }),
    redirect_url: text,
    webhook: text,
    failed_webhook: text,
    send_sms: Type.Boolean(),
    send_email: Type.Boolean(),
    sms_status: Type.String(),
    email_status: Type.String(),
    allow_repeated_payments: Type.Boolean(),
    add_admin_fee: Type.Boolean(),
    expiry_date: Type.Unsafe<string | null>({ type: ['string', 'null'], description: localTime }),
    address: Type.Unsafe<PaymentRequestRow['address']>(
      nullableObject({
        line1: { type: 'string' },
        line2: text,
        city: { type: 'string' },
        state: { type: 'string' },
        country: { type: 'string' },
        postal_code: { type: 'string' },
      }),
    ),
    line_items: Type.Unsafe<PaymentRequestRow['line_items']>({
      type: ['array', 'null'],
      items: {
        ...nullableObject({ id: text, name: text, price: number, quantity: number, description: text, sku: text, category: text, url: text }),
        type: 'object',
      },
    }),
    metadata: Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } }),
    channel: Type.String(),
    executor_id: Type.Unsafe<string | number | null>({ type: ['string', 'integer', 'null'] }),
    customer_id: text,
    wifi_terminal_id: text,
    staff_id: text,
    business_location_id: text,
    created_at: Type.String({ description: localTime }),
    updated_at: Type.String({ description: localTime }),
    location: Type.Optional(Type.Unsafe<Location | null>({ anyOf: [Location, { type: 'null' }], description: 'On GET: the location object.' })),
    payments: Type.Optional(Type.Array(Payment, { description: 'On GET: the successful payments; absent while there are none.' })),
    qr_code_data: Type.Optional(QrCodeData),
    direct_link: Type.Optional(DirectLink),
  },
  { title: 'PaymentRequest' },
)
export type PaymentRequest = Static<typeof PaymentRequest>

export const PaymentRequestId = Type.Object({ request_id: Type.String({ description: "The payment request's id." }) })

export const Deleted = Type.Object({ success: Type.Boolean() }, { title: 'PaymentRequestDeleted' })

export const ListPaymentRequests = Type.Object({
  current_page: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 1,
    description: 'Page number, as far as row 10,000; beyond that, follow `meta.next_cursor`.',
  }),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048, description: 'The `meta.next_cursor` of another page; takes precedence over current_page.' })),
  search: Type.Optional(plainText(255, { description: 'Part of an email address, an id or a reference_number.' })),
  is_default: Type.Optional(
    Type.Enum(['true', 'false', '1', '0', ''], {
      description: "The business's default link first, then requests that payers created through it (channel `custom` or `link`).",
    }),
  ),
  metadata: Type.Optional(Type.Record(Type.String(), plainText(500), { description: '`metadata[name]=value`; only the first pair is used.' })),
  status: Type.Optional(Type.Enum([...statuses, ''])),
})
export type ListPaymentRequests = Static<typeof ListPaymentRequests>

const nullableInteger = Type.Unsafe<number | null>({ type: ['integer', 'null'] })

/** The envelope of a list with page numbers (behaviour §1.8), with `next_cursor` added. */
export const PaymentRequestPage = Type.Object(
  {
    data: Type.Array(PaymentRequest),
    links: Type.Object({ first: text, last: text, prev: text, next: text }),
    meta: Type.Object({
      current_page: Type.Integer(),
      from: nullableInteger,
      last_page: Type.Integer(),
      links: Type.Array(Type.Object({ url: text, label: Type.String(), active: Type.Boolean() })),
      path: Type.String(),
      per_page: Type.Integer(),
      to: nullableInteger,
      total: Type.Integer({ description: 'Exact below 10,000; a value of 10,000 means 10,000 or more.' }),
      next_cursor: text,
    }),
  },
  { title: 'PaymentRequestPage' },
)

/** The part of a payment request that every answer and webhook has (behaviour §2.2). */
export function presentPaymentRequest(row: PaymentRequestRow, business: Business, baseUrl: string): PaymentRequest {
  const time = (at: Date) => formatLocalTime(at, business.timezone)
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    phone: row.phone,
    amount: row.amount_minor === null ? null : formatAmount(row.amount_minor, row.currency),
    currency: row.currency,
    is_currency_editable: row.is_currency_editable,
    status: row.status,
    purpose: row.purpose,
    reference_number: row.reference_number,
    payment_methods: row.payment_methods,
    url: checkoutUrl(row, business, baseUrl),
    redirect_url: row.redirect_url,
    webhook: row.webhook,
    failed_webhook: row.failed_webhook,
    send_sms: row.send_sms,
    send_email: row.send_email,
    sms_status: row.sms_status,
    email_status: row.email_status,
    allow_repeated_payments: row.allow_repeated_payments,
    add_admin_fee: row.add_admin_fee,
    expiry_date: row.expires_at && time(row.expires_at),
    address: row.address,
    line_items: row.line_items,
    metadata: row.metadata,
    channel: row.channel,
    executor_id: null,
    customer_id: row.customer_id,
    wifi_terminal_id: row.wifi_terminal_id,
    staff_id: row.staff_id,
    business_location_id: row.location_id,
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
  }
}

/** The hosted page of a request (behaviour §2.3); clients find the id in it. */
export function checkoutUrl(row: Pick<PaymentRequestRow, 'id'>, business: Business, baseUrl: string): string {
  return `${baseUrl}/payment-request/@${business.slug}/${row.id}/checkout`
}
