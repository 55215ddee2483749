import { enabledMethods, isEnabled } from '#engine/rails/enabled-methods.ts'
import { findMethod, minimumAmount } from '#engine/rails/methods.ts'
import { callbackUrlFault } from '#foundation/outgoing/callback-url.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { type Currency, exponentOf, formatAmount, parseAmount, parseCurrency } from '#foundation/shared/money.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { nothingSetUp, type PayableMethods, setUpText } from '#resources/payments/rails/payable-methods.ts'
import { readExpiry } from './expiry.ts'
import type { LineItem, PayerAddress, PaymentRequestRow } from './queries.ts'
import { type CreatePaymentRequest, flags, type UpdatePaymentRequest } from './wire.ts'

/** The fields that clients send of a request; the rest is ours. */
export type PaymentRequestFields = Omit<
  PaymentRequestRow,
  | 'business_id'
  | 'id'
  | 'status'
  | 'sms_status'
  | 'email_status'
  | 'admin_fee_minor'
  | 'is_default'
  | 'source_type'
  | 'source_id'
  | 'api_key_id'
  | 'payment_reference'
  | 'source_type'
  | 'source_id'
  | 'search'
  | 'version'
  | 'created_at'
  | 'updated_at'
  | 'completed_at'
  | 'deleted_at'
>

/** What was looked up for a body before it is validated. */
export interface Links {
  /** The customer that it names, or to whom its email address belongs; null for none. */
  customerId: string | null
  /** Errors for ids that name nothing of the business. */
  errors: FieldErrors
  /** The methods that can be paid; all if absent. */
  payable?: PayableMethods | undefined
}

const nothing: PaymentRequestFields = {
  amount_minor: null,
  currency: '',
  name: null,
  email: null,
  phone: null,
  purpose: null,
  reference_number: null,
  payment_methods: [],
  redirect_url: null,
  webhook: null,
  failed_webhook: null,
  send_sms: true,
  send_email: false,
  allow_repeated_payments: false,
  add_admin_fee: false,
  is_currency_editable: false,
  generate_qr: false,
  generate_direct_link: false,
  expires_at: null,
  address: null,
  line_items: null,
  metadata: {},
  channel: 'api_custom',
  wifi_terminal_id: null,
  staff_id: null,
  location_id: null,
  customer_id: null,
}

const texts = ['name', 'email', 'phone', 'purpose', 'reference_number', 'redirect_url', 'webhook', 'failed_webhook', 'wifi_terminal_id'] as const
const callbacks = ['webhook', 'failed_webhook'] as const
const maxMetadata = 50

/** The location that a body names, under either of its names; undefined if it names none. */
export function locationIn({ business_location_id, location_id }: UpdatePaymentRequest): { field: string; id: string | null } | undefined {
  if (business_location_id !== undefined) return { field: 'business_location_id', id: business_location_id }
  return location_id === undefined ? undefined : { field: 'location_id', id: location_id }
}

/** A request's fields after `body` is applied to `before` (nothing, for a new one). Throws one 422 with every error. */
export function applyPaymentRequest(
  before: PaymentRequestFields | undefined,
  body: UpdatePaymentRequest | CreatePaymentRequest,
  { customerId, errors: unknown, payable = null }: Links,
  business: Business,
  at: Date,
): PaymentRequestFields {
  const errors: FieldErrors = { ...unknown }
  const after: PaymentRequestFields = { ...(before ?? nothing) }
  const set = <Name extends keyof PaymentRequestFields>(name: Name, value: PaymentRequestFields[Name] | undefined) => {
    if (value !== undefined) after[name] = value
  }
  for (const name of texts) set(name, body[name])
  for (const name of flags) set(name, body[name])
  if (!before) {
    set('staff_id', body.staff_id)
    if ('channel' in body) set('channel', body.channel)
  }
  set('location_id', locationIn(body)?.id)
  if (body.customer_id !== undefined || after.email !== before?.email) after.customer_id = customerId
  if (body.address !== undefined) after.address = body.address && understoodAddress(body.address)
  if (body.line_items !== undefined) after.line_items = body.line_items?.map(understoodItem) ?? null
  if (body.metadata !== undefined) after.metadata = merged(after.metadata, body.metadata, errors)
  after.expires_at = readExpiry(body, after.expires_at, business.timezone, at, errors)
  if (after.redirect_url !== null && !isWebAddress(after.redirect_url)) errors.redirect_url = ['The redirect url format is invalid.']
  for (const name of callbacks) {
    // What was stored under an older rule stays until it is sent again.
    const fault = body[name] ? callbackUrlFault(body[name], business, name) : undefined
    if (fault !== undefined) errors[name] = [fault]
  }

  const currency = body.currency === undefined && before ? before.currency : parseCurrency(body.currency ?? '')
  if (currency === undefined) errors.currency = ['The selected currency is invalid.']
  else {
    after.currency = currency
    // An amount that stays is validated again in another currency.
    const kept = before && before.amount_minor !== null && before.currency !== currency ? formatAmount(before.amount_minor, before.currency) : undefined
    const amount = body.amount === undefined ? kept : body.amount
    if (amount !== undefined) after.amount_minor = amount === null ? null : readRequestAmount(amount, currency, errors)
    const offer: Offer = { business, currency, payable, amountMinor: after.amount_minor }
    after.payment_methods = readMethods(body.payment_methods, before, offer, errors)
  }
  checkTogether(after, errors)
  const wrong = Object.keys(errors)
  const isSetup = payable !== null && wrong.length === 1 && errors.payment_methods !== undefined
  if (wrong.length > 0) throw invalid(errors, isSetup ? 'payment_method_not_available' : undefined)
  return after
}

/** The text that a list's search looks in. */
export function requestSearchText({ email, id, reference_number }: Pick<PaymentRequestRow, 'email' | 'id' | 'reference_number'>): string {
  return searchTextOf([email, id, reference_number])
}

/** The numbers by which a request is found: those of its own search text, and of what its charges inherit from it. */
export function requestSearchGrams(row: PaymentRequestRow): number[] {
  return gramsOf(searchTextOf([row.name, row.email, row.phone, row.reference_number, row.purpose, row.id]), row.business_id)
}

const lowest = (exponent: number) => (exponent === 0 ? 1n : 3n * 10n ** BigInt(exponent - 1))
const highest = (exponent: number) => (99_999_999_999n * 10n ** BigInt(exponent)) / 100n

/** An amount in minor units; notes an error for anything that is not a plain decimal within HitPay's bounds. */
export function readRequestAmount(given: number | string, currency: Currency, errors: FieldErrors): bigint | null {
  const text = String(given)
  const refuse = (fault: string) => {
    errors.amount = [`The amount ${fault}`]
    return null
  }
  if (/^-?[\d.]*,[\d.,]*$/.test(text)) return refuse('must be written without thousands separators.')
  if (!/^-?\d+(\.\d+)?$/.test(text)) return refuse('must be a number.')
  const exponent = exponentOf(currency)
  const between = 'must be between 0.3 and 999999999.99.'
  if (text.startsWith('-') || (text.split('.')[0]?.replace(/^0+/, '').length as number) > 9) return refuse(between)
  const minor = parseAmount(text, currency)
  if (minor === undefined)
    return refuse(`must be ${exponent === 0 ? 'a whole number' : `a number with at most ${exponent} decimals`} in ${currency.toUpperCase()}.`)
  return minor < lowest(exponent) || minor > highest(exponent) ? refuse(between) : minor
}

/** What decides which methods can be offered. */
interface Offer {
  business: Business
  currency: Currency
  payable: PayableMethods
  amountMinor: bigint | null
}

/** All methods that can be paid: those that the business has in the currency, without those for which the amount is too low. */
function offered({ business, currency, payable, amountMinor }: Offer, errors: FieldErrors): string[] {
  const codes = enabledMethods(business, currency).filter((code) => payable === null || payable.has(code))
  if (codes.length === 0 && payable !== null) errors.payment_methods = [nothingSetUp(currency)]
  const enough = codes.filter((code) => !isTooLow(code, currency, amountMinor))
  const [low] = codes
  if (low !== undefined && enough.length === 0) errors.amount = [`The amount must be at least ${minimumText(low, currency)} for the method ${low}.`]
  return enough
}

/** The methods that a request accepts: those it names, by their current codes, or all that the business has in the currency. */
function readMethods(given: string[] | undefined, before: PaymentRequestFields | undefined, offer: Offer, errors: FieldErrors): string[] {
  const { business, currency, payable } = offer
  if (given === undefined || given.length === 0) {
    if (before && before.currency === currency && given === undefined) return before.payment_methods
    return offered(offer, errors)
  }
  const codes = new Set<string>()
  const refused: string[] = []
  for (const name of given) {
    const method = findMethod(name)
    if (method && isEnabled(business, method, currency)) {
      if (payable === null || payable.has(method.code)) codes.add(method.code)
      else refused.push(setUpText(method.code))
    } else refused.push(method ? `The method ${name} is not available in ${currency.toUpperCase()}.` : `There is no method ${name}.`)
  }
  if (refused.length > 0) errors.payment_methods = ['The selected payment methods is invalid.', ...refused]
  return [...codes]
}

/** Whether an amount is below the minimum of a method, as far as that is known. */
function isTooLow(code: string, currency: Currency, amountMinor: bigint | null): boolean {
  const method = findMethod(code)
  const minimum = method && minimumAmount(method, currency)
  return amountMinor !== null && minimum !== undefined && amountMinor < minimum
}

function minimumText(code: string, currency: Currency): string {
  const method = findMethod(code)
  return `${currency.toUpperCase()} ${formatAmount((method && minimumAmount(method, currency)) ?? 0n, currency)}`
}

/** Rules about several fields together. */
function checkTogether(fields: PaymentRequestFields, errors: FieldErrors): void {
  const { generate_qr, generate_direct_link, payment_methods, amount_minor } = fields
  const add = (field: string, fault: string) => {
    if (!Object.hasOwn(errors, field)) errors[field] = [fault]
  }
  if (payment_methods.includes('wifi_card_reader') && fields.wifi_terminal_id === null)
    add('wifi_terminal_id', 'The wifi terminal id field is required when payment methods is wifi_card_reader.')
  const low = payment_methods.find((code) => isTooLow(code, fields.currency, amount_minor))
  if (low !== undefined) add('amount', `The amount must be at least ${minimumText(low, fields.currency)} for the method ${low}.`)
  if (generate_qr && generate_direct_link) add('generate_direct_link', 'The generate direct link field is prohibited when generate qr is true.')
  if (!generate_qr && !generate_direct_link) return
  const flag = generate_qr ? 'generate qr' : 'generate direct link'
  if (amount_minor === null) add('amount', `The amount field is required when ${flag} is true.`)
  if (generate_direct_link && fields.redirect_url === null) add('redirect_url', 'The redirect url field is required when generate direct link is true.')
  const method = findMethod(payment_methods[0] ?? '')
  if (payment_methods.length !== 1 || !method) add('payment_methods', `The payment methods must have exactly one item when ${flag} is true.`)
  else if (generate_qr && !method.generateQr) add('payment_methods', `The method ${method.code} has no QR code.`)
  else if (!generate_qr && !method.generateDirectLink) add('payment_methods', `The method ${method.code} has no direct link.`)
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text)
}

function understoodAddress(address: Record<string, string | null | undefined>): PayerAddress {
  const { line1 = '', line2, city = '', state = '', country = '', postal_code = '' } = address as Record<string, string>
  return { line1, line2: line2 ?? null, city, state, country, postal_code }
}

function understoodItem(item: Partial<LineItem>): LineItem {
  const { id, name, price, quantity, description, sku, category, url } = item
  return {
    id: id ?? null,
    name: name ?? null,
    price: price ?? null,
    quantity: quantity ?? null,
    description: description ?? null,
    sku: sku ?? null,
    category: category ?? null,
    url: url ?? null,
  }
}

function merged(before: Record<string, string>, changes: Record<string, string | null> | null, errors: FieldErrors): Record<string, string> {
  if (changes === null) return {}
  const after = { ...before }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete after[name]
    else after[name] = value
  }
  if (Object.keys(after).length > maxMetadata) errors.metadata = [`The metadata may not have more than ${maxMetadata} items.`]
  return after
}
