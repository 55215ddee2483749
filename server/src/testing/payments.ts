import type { Card } from '#engine/rails/card.ts'
import type { Outcome, Rail, RefundOutcome } from '#engine/rails/rail.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { system } from '#foundation/shared/caller.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { searchTextOf } from '#foundation/shared/search-text.ts'
import { type ChargeRow, insertCharges } from '#resources/payments/charges/queries.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import { type CheckDeps, pollRails } from '#resources/payments/rails/poll-rails-job.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { type Settled, type Settlement, settleCharges } from '#resources/payments/settlement/settle-charges.ts'
import { type Client, startTestServer, type TestServer } from './api.ts'
import { clockAt } from './clock.ts'
import { testDatabase } from './database.ts'

/** A rail whose answers a test decides, and which remembers its calls, by idempotency key. */
export interface ScriptedRail extends Rail {
  /** The next answers, in order; after them, everything succeeds. An error is thrown. */
  readonly refundAnswers: (RefundOutcome | Error)[]
  readonly checkAnswers: Outcome[]
  /** Refunds, once for each key. */
  readonly given: Map<string, bigint>
  calls: number
}

export function scriptedRail(name: string, { local = false, refundable = true } = {}): ScriptedRail {
  const given = new Map<string, bigint>()
  const refundAnswers: (RefundOutcome | Error)[] = []
  const checkAnswers: Outcome[] = []
  const rail: ScriptedRail = {
    name,
    local,
    methods: ['card', 'paynow_online'],
    refundAnswers,
    checkAnswers,
    given,
    calls: 0,
    start: async ({ id }) => ({ status: 'succeeded', reference: `ch_${id}` }),
    check: async ({ id }) => checkAnswers.shift() ?? { status: 'succeeded', reference: `ch_${id}` },
  }
  if (!refundable) return rail
  const refund: NonNullable<Rail['refund']> = async ({ id, amountMinor }) => {
    rail.calls += 1
    const answer = refundAnswers.shift()
    if (answer instanceof Error) throw answer
    if (answer) return answer
    given.set(id, amountMinor)
    return { status: 'succeeded', reference: `re_${id}` }
  }
  return {
    ...rail,
    refund,
    checkRefund: refund,
    get calls() {
      return rail.calls
    },
  }
}

/** A server with three rails: a remote one, a local one, and one that cannot refund. */
export interface Payments {
  server: TestServer
  remote: ScriptedRail
  local: ScriptedRail
  final: ScriptedRail
  settle: (settlement: Settlement) => Promise<Settled>
  /** Does what the poller would do for a business so many seconds from now, until nothing is due. */
  check(client: Client, afterSeconds?: number): Promise<number>
}

export async function startPayments(): Promise<Payments> {
  const [remote, local, final] = [scriptedRail('remote'), scriptedRail('local', { local: true }), scriptedRail('final', { refundable: false })]
  const known = new Map([remote, local, final].map((rail) => [rail.name, rail]))
  const byName: Rails['byName'] = async (_business, name) => {
    const rail = known.get(name)
    return rail && { rail, access: {} }
  }
  const rails: Rails = { byName, find: (business) => byName(business, 'remote') }
  const database = await testDatabase()
  const server = await startTestServer(database, {}, { rails })
  const shared = { ...server.app.payments, onEvent: () => undefined }
  const settle = settleCharges(shared)
  return {
    server,
    remote,
    local,
    final,
    settle,
    check: ({ business }, afterSeconds = 0) => pollUntilQuiet({ ...shared, rails, settle }, afterSeconds, business.id),
  }
}

/** Polls rails about everything of a business that is due so many seconds from now, until nothing is. Returns how much. */
async function pollUntilQuiet(deps: CheckDeps, afterSeconds: number, businessId: string): Promise<number> {
  const until = new Date(Date.now() + afterSeconds * 1000)
  let polled = 0
  for (let round = 0; round < 10; round += 1) {
    const looked = await pollRails({ ...deps, clock: clockAt(() => until) }, { until, businessId })
    polled += looked
    if (looked < 20) break
  }
  return polled
}

/** Polls rails about everything of a business that is due so many seconds from now. */
export const checkDue = ({ server: { app }, business }: Client, afterSeconds: number): Promise<number> =>
  pollUntilQuiet(app.payments, afterSeconds, business.id)

/** A charge of 100.00 SGD by card that nobody has settled, with a test's changes. */
export function aCharge({ business }: Client, about: Partial<ChargeRow> = {}): ChargeRow {
  const at = about.created_at ?? new Date()
  const id = newId<'charge'>(at)
  const row: ChargeRow = {
    business_id: business.id,
    id,
    payment_request_id: null,
    customer_id: null,
    customer_name: 'Tan Ah Kow',
    customer_email: 'payer@example.com',
    customer_phone: null,
    payer_language: null,
    location_id: null,
    channel: 'api_custom',
    method: 'card',
    rail: 'remote',
    status: 'pending',
    currency: 'sgd',
    amount_minor: 10_000n,
    refunded_minor: 0n,
    fixed_fee_minor: 0n,
    discount_fee_minor: 0n,
    discount_fee_rate: 0,
    admin_fee_minor: 0n,
    unapplied_reason: null,
    failure_code: null,
    failure_message: null,
    rail_reference: null,
    card: null,
    rail_data: {},
    remark: 'Kaya toast',
    reference_number: null,
    metadata: {},
    search: '',
    closed_at: null,
    refunded_at: null,
    created_at: at,
    updated_at: at,
    ...about,
  }
  row.search = searchTextOf([row.customer_name, row.customer_email, row.customer_phone, row.reference_number, row.remark, row.id])
  return row
}

/** Where an operation of a test comes from: Hawker itself, now, unless the test says otherwise. */
export function anOrigin(more: Partial<Origin> = {}): Origin {
  return { requestId: null, caller: system, at: new Date(), baseUrl: 'http://localhost', ...more }
}

export const visa: Card = { brand: 'visa', last4: '4242', country: 'US' }

/** A charge that was paid: settled by the code that settles every charge. */
export async function aPaidCharge(payments: Payments, client: Client, about: Partial<ChargeRow> = {}): Promise<ChargeRow> {
  const row = aCharge(client, about)
  const outcome: Outcome = { status: 'succeeded', reference: `ch_${row.id}`, ...(row.method === 'card' ? { card: visa } : {}) }
  const { charge } = await payments.settle({ business: client.business, charge: { isNew: true, row }, outcome, origin: anOrigin() })
  return charge
}

/** A charge whose rail has not answered yet. */
export async function aPendingCharge(client: Client, about: Partial<ChargeRow> = {}): Promise<ChargeRow> {
  const row = aCharge(client, about)
  await client.server.database.db.transaction().execute(async (tx) => {
    await insertCharges(tx, [row])
    await scheduleChecks(tx, [{ businessId: row.business_id, id: row.id, kind: 'charge', dueAt: row.created_at }])
  })
  return row
}

/** A pending payment request for 100.00 SGD, written without the API. */
export async function aPaymentRequest({ business, server }: Client, about: Partial<PaymentRequestRow> = {}): Promise<PaymentRequestRow> {
  const at = new Date()
  const row: PaymentRequestRow = {
    business_id: business.id,
    id: newId<'payment_request'>(at),
    status: 'pending',
    amount_minor: 10_000n,
    currency: 'sgd',
    name: 'Tan Ah Kow',
    email: 'payer@example.com',
    phone: null,
    purpose: 'Kaya toast',
    reference_number: 'A-1007',
    payment_methods: ['card'],
    redirect_url: null,
    webhook: null,
    failed_webhook: null,
    send_sms: false,
    send_email: false,
    sms_status: 'pending',
    email_status: 'pending',
    allow_repeated_payments: false,
    add_admin_fee: false,
    admin_fee_minor: null,
    is_currency_editable: false,
    is_default: false,
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
    source_type: null,
    source_id: null,
    api_key_id: newId<'api_key'>(at),
    payment_reference: randomHex(8).toUpperCase(),
    search: '',
    version: 1,
    created_at: at,
    updated_at: at,
    completed_at: null,
    deleted_at: null,
    ...about,
  }
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  await server.database.db
    .insertInto('payment_requests')
    .values({ ...row, address: json(row.address), line_items: json(row.line_items), metadata: JSON.stringify(row.metadata) })
    .execute()
  return row
}

/** A request of 10.00 that was paid in the sandbox, with its charge. */
export async function aPaidRequest(client: Client): Promise<{ requestId: string; chargeId: string }> {
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
  const paid = await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, { method: 'paynow_online' })
  return { requestId: json.id, chargeId: paid.json.payment_id }
}
