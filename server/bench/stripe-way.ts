import type { Database } from '#foundation/database/database.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { saveRailCredentials } from '#resources/payments/rails/queries.ts'
import type { StripeFake } from '#testing/stripe-fake.ts'
import type { Post } from './generator.ts'
import { columnsOf, idPrefix, type Merchant, type Payable } from './payment-requests.ts'
import { secretKey } from './servers.ts'

/** Fields of a PaymentIntent that Stripe sends and Hawker ignores. */
const others = {
  amount_capturable: 0,
  amount_details: { tip: {} },
  amount_received: 2550,
  application: null,
  application_fee_amount: null,
  automatic_payment_methods: null,
  canceled_at: null,
  cancellation_reason: null,
  capture_method: 'automatic_async',
  client_secret: 'pi_secret_hidden',
  confirmation_method: 'automatic',
  customer: null,
  description: 'Flowers',
  livemode: true,
  on_behalf_of: null,
  payment_method: 'pm_1PqKq2LkdIwHu7ixuW6DJ3Zw',
  payment_method_configuration_details: null,
  payment_method_options: { card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
  payment_method_types: ['card'],
  processing: null,
  receipt_email: null,
  review: null,
  setup_future_usage: null,
  shipping: null,
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_data: null,
  transfer_group: null,
}

/** Sets up the fake Stripe for a business. */
export async function setUpStripe({ db }: Database, { business }: Merchant, { access }: StripeFake): Promise<void> {
  // The fake's own timeout is short, for tests.
  await saveRailCredentials(db, business.id, 'stripe', encryptSecret(JSON.stringify({ ...access, timeout_ms: '8000' }), secretKey), new Date())
}

/** SQL that inserts the pending attempts of a range of requests. */
export const pendingAttempts = (after: string, to: string): string[] =>
  ['charges', 'rail_checks'].map(
    (name) => `insert into ${name} select * from bench.pending_${name} where right(id::text, 12) > '${after}' and right(id::text, 12) <= '${to}'`,
  )

/**
 * Saves a pending attempt for each payment request: copies of the charge `model`, which the checkout has begun for the last
 * of them. Returns the common prefix of the charges' ids.
 */
export async function keepPendingAttempts({ pool }: Database, { business }: Merchant, payables: Payable[], model: string): Promise<string> {
  const prefix = idPrefix(13)
  const id = `('${prefix}' || right(r.id::text, 12))::uuid`
  const own: Record<string, string> = {
    id,
    payment_request_id: 'r.id',
    reference_number: 'r.reference_number',
    rail_reference: `'pi_' || right(r.id::text, 12)`,
    search: `replace(replace(c.search, c.id::text, ${id}::text), '0000000', right(r.reference_number, 7))`,
  }
  const names = await columnsOf(pool, 'charges')
  await pool.query('create schema if not exists bench; create table bench.pending_charges as table charges with no data')
  await pool.query(
    `insert into bench.pending_charges (${names.join(', ')}) select ${names.map((name) => own[name] ?? `c.${name}`).join(', ')}
    from charges c join payment_requests r on r.business_id = c.business_id and r.id = any($3)
    where c.business_id = $1 and c.id = $2`,
    [business.id, model, payables.map((payable) => payable.id)],
  )
  // Pending attempts have a scheduled check; these are due after the run.
  await pool.query(`create table bench.pending_rail_checks as
    select business_id, id, 'charge' as kind, now() + interval '1 day' as due_at, 0 as attempts from bench.pending_charges`)
  for (const name of ['charges', 'rail_checks']) await pool.query(`delete from ${name} where business_id = $1 and id = $2`, [business.id, model])
  return prefix
}

/** Adds succeeded payments for these requests to the fake. */
export function rememberIntents({ intents }: StripeFake, payables: Payable[], chargePrefix: string): void {
  for (const { number } of payables) {
    intents.set(`pi_${number}`, {
      id: `pi_${number}`,
      object: 'payment_intent',
      amount: 2550,
      currency: 'sgd',
      created: Math.floor(Date.now() / 1000),
      status: 'succeeded',
      metadata: { hawker_id: chargePrefix + number, hawker_kind: 'charge' },
      latest_charge: `ch_${number}`,
      last_payment_error: null,
      next_action: null,
      amount_refunded: 0,
      token: 'pm_card_visa',
      ...others,
    })
  }
}

/** Stripe's notification of a successful payment, with a current signature. */
export function notification(fake: StripeFake, { number, merchant }: Payable): Post {
  const { text, signature } = fake.message('payment_intent.succeeded', fake.intents.get(`pi_${number}`) ?? {}, { id: `evt_${number}` })
  const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
  return { path: `/v1/rail-notifications/stripe/${merchant.business.id}`, headers, body: text }
}
