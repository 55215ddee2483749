import { latinName } from '#engine/rails/qr/latin-name.ts'
import { buildPayNow } from '#engine/rails/qr/paynow.ts'
import type { Attempt, Outcome, Rail, RailAccess } from '#engine/rails/rail.ts'

/** How often a payer's transfer is polled for; the bank's notification settles it long before. */
const checkSeconds = 3_600
/** A transfer is awaited for a day; one that arrives later is a payment of its own. */
const patienceMs = 86_400_000

/** The payload that a payer's banking app scans: the business's own proxy, the amount, and our reference in 62.01. */
export async function payNowPayload(access: RailAccess, attempt: Pick<Attempt, 'amountMinor' | 'reference'>, expiresAt?: Date): Promise<string> {
  return buildPayNow({
    proxyType: access.proxy_type === 'mobile' ? 'mobile' : 'uen',
    proxy: access.proxy_value ?? '',
    amountMinor: attempt.amountMinor,
    reference: attempt.reference,
    expiresAt,
    expiryPrecision: 'second',
    name: await latinName(access.name ?? ''),
  })
}

async function start(attempt: Attempt, _input: unknown, access: RailAccess): Promise<Outcome> {
  const payload = await payNowPayload(access, attempt)
  return { status: 'requires_action', action: { type: 'qr', payload, expiresAt: null }, checkAfterSeconds: checkSeconds }
}

async function check({ createdAt, now }: Attempt): Promise<Outcome> {
  if (now.getTime() - createdAt.getTime() < patienceMs) return { status: 'pending', checkAfterSeconds: checkSeconds }
  return { status: 'failed', code: 'expired', message: 'No transfer arrived.', canceled: true }
}

/**
 * PayNow issued by the business itself: the code contains our reference, and only the bank's notification of the credit
 * settles it (`resources/bank-accounts`). There is nobody to query, so a check returns that it is still open, for a day.
 */
export const payNowRail: Rail = {
  name: 'paynow',
  local: true,
  methods: ['paynow_online'],
  start,
  check,
}
