import { Type } from 'typebox'
import { BadNotification, type RailNotification } from '#engine/rails/rail.ts'
import type { Api } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { systemOrigin } from '#foundation/http/origin.ts'
import { plainText } from '#foundation/http/schemas.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { ApiError, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { findBusiness } from '#resources/business/businesses/queries.ts'
import { findCharge } from '#resources/payments/charges/queries.ts'
import { recordRefundOutcome } from '#resources/payments/refunds/finish-refund.ts'
import { findRefund } from '#resources/payments/refunds/queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { deleteRailCredentials, noteNotification, saveRailCredentials } from './queries.ts'

export interface RailsDeps extends StartDeps {
  secretKey: () => Buffer
}

const StripeAccess = Type.Object({
  secret_key: plainText(255, { pattern: '^(sk|rk)_[A-Za-z0-9_]+$', description: "One of Stripe's secret or restricted keys." }),
  webhook_secret: plainText(255, { pattern: '^whsec_[A-Za-z0-9]+$', description: "The signing secret of Stripe's webhook endpoint." }),
  publishable_key: Type.Optional(
    plainText(255, {
      pattern: '^pk_[A-Za-z0-9_]+$',
      description: "Lets the hosted checkout accept cards: the payer's browser sends the card number to Stripe.",
    }),
  ),
})

const RailStatus = Type.Object(
  { rail: Type.String(), set_up: Type.Boolean(), notification_url: Type.String({ description: 'URL to which the rail sends its notifications.' }) },
  { title: 'RailStatus' },
)

/** A business's access to its own rails, and what the rails tell us. Keys go in and never come out. */
export function railsRoutes(api: Api, deps: RailsDeps): void {
  const group = api.group('Rails')
  const { database, now, rails } = deps
  const urlOf = (baseUrl: string, businessId: string) => `${baseUrl}/v1/rail-notifications/stripe/${businessId}`

  group.write(
    'PUT',
    '/v1/rails/stripe',
    { operationId: 'setUpStripe', summary: 'Set up Stripe', body: StripeAccess, answers: { 200: RailStatus } },
    ({ business, body, claim, baseUrl }) =>
      writeOnce(database.db, claim, now(), async (tx) => {
        const { secret_key, webhook_secret, publishable_key } = body
        const access = JSON.stringify({ secret_key, webhook_secret, publishable_key })
        await saveRailCredentials(tx, business.id, 'stripe', encryptSecret(access, deps.secretKey()), now())
        return { status: 200, body: JSON.stringify({ rail: 'stripe', set_up: true, notification_url: urlOf(baseUrl, business.id) }) }
      }),
  )

  group.write(
    'DELETE',
    '/v1/rails/stripe',
    { operationId: 'removeStripe', summary: 'Remove the access to Stripe', answers: { 204: null } },
    ({ business, claim }) =>
      writeOnce(database.db, claim, now(), async (tx) => {
        if (!(await deleteRailCredentials(tx, business.id, 'stripe'))) throw notFound('PaymentProvider', 'stripe')
        return { status: 204 }
      }),
  )

  group.read(
    '/v1/rails/stripe',
    { operationId: 'getStripe', summary: 'Get the Stripe status', answers: { 200: RailStatus } },
    async ({ business, baseUrl }) => {
      const found = await rails.byName(business, 'stripe')
      return { status: 200, body: JSON.stringify({ rail: 'stripe', set_up: found !== undefined, notification_url: urlOf(baseUrl, business.id) }) }
    },
  )

  notificationRoute(api, deps)
}

/** A rail has no API key; its signature is checked by the rail itself, over the raw bytes. */
function notificationRoute(api: Api, deps: RailsDeps): void {
  const { database, now, rails } = deps
  api.raw('/v1/rail-notifications/:rail/:business_id', async ({ params, body, headers, requestId }) => {
    const { rail: name = '', business_id: businessId = '' } = params
    const business = isUuid(businessId) ? await findBusiness(database.db, businessId) : undefined
    const found = business && (await rails.byName(business, name))
    if (!business || !found?.rail.readNotification) throw notFound('PaymentProvider', name)
    const notification = await found.rail.readNotification({ body, headers }, found.access, now()).catch((error: unknown) => {
      throw error instanceof BadNotification ? new ApiError(400, 'bad_signature', error.message) : error
    })
    if (notification) {
      await act(deps, business, notification, requestId)
      // Acting twice changes nothing, so the note that follows is a record and not a lock.
      await noteNotification(database.db, business.id, name, notification.eventId, now())
    }
    return { status: 200, body: '{"received":true}' }
  })
}

/** Settles what a rail has told; what is about none of the business's payments is left. */
async function act(deps: RailsDeps, business: Business, { objectId, ...told }: RailNotification, requestId: string): Promise<void> {
  const { db } = deps.database
  if (objectId === null || !isUuid(objectId)) return
  if (told.kind === 'charge') {
    const charge = await findCharge(db, business.id, objectId)
    if (!charge) return
    await deps.settle({ business, charge: { isNew: false, id: charge.id, paymentRequestId: charge.payment_request_id }, outcome: told.outcome, requestId })
    return
  }
  const refund = await findRefund(db, business.id, objectId)
  if (!refund) return
  const result = { chargeId: refund.charge_id, refundId: refund.id, outcome: told.outcome }
  await recordRefundOutcome(deps, business, result, systemOrigin(deps, business.id, requestId))
}
