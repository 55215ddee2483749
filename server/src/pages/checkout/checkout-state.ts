import type { CheckoutMethod, CheckoutState } from '@hawker/web/checkout-state'
import { findMethod, type PaymentMethod } from '#engine/rails/methods.ts'
import type { Business } from '#foundation/shared/business.ts'
import { exponentOf, formatAmount, parseAmount } from '#foundation/shared/money.ts'
import { paidStatuses } from '#resources/payments/charges/queries.ts'
import { feeOn, feeSchedules } from '#resources/payments/fees/fees.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { redirectUrl } from '#resources/payments/payment-requests/redirect.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { offeredMethods } from './offered-methods.ts'
import type { CheckoutCharge } from './queries.ts'
import type { CheckoutReads } from './reads.ts'

/** What the pages need of the merchant in addition to the business itself. */
export interface Merchant {
  business: Business
  display_name: string
  logo_url: string | null
  support_email: string | null
  support_url: string | null
}

const onPage = new Set(['card', 'wallet', 'qr', 'redirect', 'bank'])

/** The request's status as a payer must see it: a deadline counts from its moment, not from when a job has noticed. */
export function statusAt(request: PaymentRequestRow, at: Date): PaymentRequestRow['status'] {
  if (request.deleted_at !== null) return request.status === 'completed' ? 'completed' : 'canceled'
  return request.status === 'pending' && isPastDeadline(request, at) ? 'expired' : request.status
}

/** What turns a card number into a token: our simulator in the sandbox, Stripe for a live business with a publishable key. */
async function tokeniserOf({ rails }: StartDeps, business: Business, method: PaymentMethod): Promise<CheckoutMethod['tokeniser']> {
  if (method.kind !== 'card') return null
  if (business.mode === 'sandbox') return { type: 'simulator', url: '/sandbox/tokens' }
  const access = (await rails.find(business, method.code))?.access
  if (!access?.publishable_key) return null
  const { protocol = 'https', host = 'api.stripe.com', port } = access
  return { type: 'stripe', url: `${protocol}://${host}${port ? `:${port}` : ''}/v1/payment_methods`, publishable_key: access.publishable_key }
}

/** The brands that every card rail accepts unless its owner has turned one off. */
const cardBrands = ['visa', 'mastercard', 'amex']

/** The methods that a payer can choose from: those of the request that a rail serves. */
async function methodsOf(deps: StartDeps, business: Business, request: PaymentRequestRow): Promise<CheckoutMethod[]> {
  const { currency, amount_minor: amountMinor } = request
  const listed = request.payment_methods.map((code) => findMethod(code)).filter((method) => method !== undefined)
  const schedules = request.add_admin_fee ? await feeSchedules(deps.database.db, [business.id]) : undefined
  const payable: { method: PaymentMethod; tokeniser: CheckoutMethod['tokeniser'] }[] = []
  for (const method of listed) {
    if (!onPage.has(method.kind)) continue
    if (business.mode === 'live' && !(await deps.rails.find(business, method.code))) continue
    const tokeniser = await tokeniserOf(deps, business, method)
    // A live card without a tokeniser cannot be used here.
    if (method.kind === 'card' && tokeniser === null) continue
    payable.push({ method, tokeniser })
  }
  const shown: CheckoutMethod[] = []
  for (const method of offeredMethods(
    payable.map((one) => one.method),
    business,
  )) {
    const tokeniser = payable.find((one) => one.method === method)?.tokeniser ?? null
    const fee = schedules && amountMinor !== null ? feeOn(amountMinor, schedules(business.id, method.code, currency)) : undefined
    const feeMinor = request.admin_fee_minor ?? (fee && fee.fixedMinor + fee.shareMinor)
    shown.push({
      code: method.code,
      name: method.name,
      kind: method.kind as CheckoutMethod['kind'],
      icon_url: `/icons/methods/svg/${method.code}.svg`,
      fee: feeMinor === undefined ? null : formatAmount(feeMinor, currency),
      total: feeMinor === undefined || amountMinor === null ? null : formatAmount(amountMinor + feeMinor, currency),
      brands: method.kind === 'card' ? cardBrands : [],
      tokeniser,
    })
  }
  return shown
}

const attemptStatuses: Record<string, NonNullable<CheckoutState['attempt']>['status']> = {
  pending: 'processing',
  requires_customer_action: 'requires_action',
  failed: 'failed',
  canceled: 'canceled',
}

/** A method's name for payers, even if it is no longer offered. */
const nameOf = (method: string): string => findMethod(method)?.name ?? method

const presentCard = (card: CheckoutCharge['card']) => (card ? { brand: card.brand, last4: card.last4 } : null)

function presentAttempt(charge: CheckoutCharge): NonNullable<CheckoutState['attempt']> {
  const { id, method, status, currency, amount_minor, card, action_url, failure_code } = charge
  return {
    id,
    method,
    method_name: nameOf(method),
    kind: (findMethod(method)?.kind ?? 'redirect') as CheckoutMethod['kind'],
    amount: formatAmount(amount_minor, currency),
    card: presentCard(card),
    status: attemptStatuses[status] ?? 'succeeded',
    action_url: status === 'requires_customer_action' ? action_url : null,
    failure_code,
  }
}

export interface StateQuery {
  /** The attempt that the page started, if it did. */
  attemptId: string | null
}

/** How long an unfinished attempt is shown to a page that did not start it. */
const attemptShownMs = 15 * 60_000

/** The attempt that a page shows: its own, else one whose outcome is open, else a payment of a code that the payer's own app has just refused. */
function attemptOf(charges: CheckoutCharge[], own: CheckoutCharge | undefined, at: Date): CheckoutCharge | undefined {
  const isRecent = ({ created_at }: CheckoutCharge) => at.getTime() - created_at.getTime() < attemptShownMs
  const refused = charges[0]
  const isRefused = refused?.status === 'failed' && findMethod(refused.method)?.kind === 'qr' && isRecent(refused)
  // A page that waits for its own attempt goes on waiting; a page whose attempt has ended shows what happened last.
  if (own && !(isRefused && refused && ['failed', 'canceled'].includes(own.status))) return own
  return charges.find((charge) => charge.status === 'pending' && isRecent(charge)) ?? (isRefused ? refused : own)
}

/** The price of all pieces of a line; null where it is not said, or cannot be paid exactly. */
function lineTotal(price: number | null | undefined, quantity: number, currency: string): string | null {
  const minor = price === null || price === undefined ? undefined : parseAmount(price, currency)
  return minor === undefined || !Number.isSafeInteger(quantity) ? null : formatAmount(minor * BigInt(quantity), currency)
}

/** Everything that a payer's page shows, from the database alone. */
export async function checkoutState(
  deps: StartDeps & { reads: CheckoutReads; receiptUrl: (business: Business, chargeId: string) => string | null },
  merchant: Merchant,
  asRead: PaymentRequestRow,
  { attemptId }: StateQuery,
): Promise<CheckoutState> {
  let request = asRead
  const { business } = merchant
  const at = deps.clock.now(business.id)
  const charges = await deps.reads.charges({ businessId: business.id, paymentRequestId: request.id, attemptId })
  const repeated = request.allow_repeated_payments
  const own = charges.find(({ id }) => id === attemptId)
  // The link of a repeated request is shared: a page shows no payment but the one that it started.
  const attempt = repeated ? own : attemptOf(charges, own, at)
  const money = repeated ? (own ? [own] : []) : charges
  const paid = money.find((charge) => paidStatuses.has(charge.status) && charge.unapplied_reason === null)
  // Read before its charges: a payment applied between the two reads has completed it.
  if (paid && !repeated && asRead.status === 'pending') request = (await deps.reads.request({ businessId: business.id, id: asRead.id })) ?? asRead
  const status = statusAt(request, at)
  const canPay = status === 'pending' || (status === 'completed' && repeated)
  return {
    version: Math.max(request.updated_at.getTime(), ...charges.map((charge) => charge.updated_at.getTime())),
    ...presentMerchant(merchant, request.currency),
    request: {
      id: request.id,
      status,
      amount: request.amount_minor === null ? null : formatAmount(request.amount_minor, request.currency),
      purpose: request.purpose,
      reference_number: request.reference_number,
      email: request.email,
      name: request.name,
      expires_at: request.expires_at?.toISOString() ?? null,
      line_items: (request.line_items ?? []).map(({ name, quantity, price }) => ({
        name: name ?? '',
        quantity: quantity ?? 1,
        price: price === null ? null : String(price),
        total: lineTotal(price, quantity ?? 1, request.currency),
      })),
      completed_url: paid ? redirectUrl(request.redirect_url, request.id, 'completed') : null,
      canceled_url: redirectUrl(request.redirect_url, request.id, 'canceled'),
      repeated,
    },
    methods: canPay ? await methodsOf(deps, business, request) : [],
    attempt: attempt ? presentAttempt(attempt) : null,
    paid: paid ? presentPaid(paid, deps.receiptUrl(business, paid.id)) : null,
    unapplied: money.flatMap(({ id, status: chargeStatus, unapplied_reason: reason, amount_minor, currency }) =>
      paidStatuses.has(chargeStatus) && reason !== null
        ? [{ charge_id: id, amount: formatAmount(amount_minor, currency), reason, returned: chargeStatus === 'refunded' }]
        : [],
    ),
    now: at.toISOString(),
  }
}

function presentPaid(charge: CheckoutCharge, receiptUrl: string | null): NonNullable<CheckoutState['paid']> {
  const { id, method, amount_minor, refunded_minor, currency, card, closed_at, updated_at } = charge
  return {
    charge_id: id,
    method,
    method_name: nameOf(method),
    amount: formatAmount(amount_minor, currency),
    refunded: refunded_minor > 0n ? formatAmount(refunded_minor, currency) : null,
    card: presentCard(card),
    at: (closed_at ?? updated_at).toISOString(),
    receipt_url: receiptUrl,
  }
}

function presentMerchant({ business, display_name, logo_url, support_email, support_url }: Merchant, currency: string) {
  return {
    business: {
      name: display_name,
      slug: business.slug,
      logo_url,
      support_email,
      support_url,
      sandbox: business.mode === 'sandbox',
      time_zone: business.timezone,
    },
    currency,
    decimals: exponentOf(currency),
  }
}

/** The state of a business's default link: no request yet, and no money. */
export function defaultLinkState(merchant: Merchant, now: Date): CheckoutState {
  return {
    version: 0,
    ...presentMerchant(merchant, merchant.business.currency),
    request: null,
    methods: [],
    attempt: null,
    paid: null,
    unapplied: [],
    now: now.toISOString(),
  }
}
