import { Type } from 'typebox'
import { BadNotification, type RailNotification } from '#engine/rails/rail.ts'
import { readTogether } from '#foundation/database/read-together.ts'
import type { Api } from '#foundation/http/api.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { plainText } from '#foundation/http/schemas.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { findBusinesses } from '#resources/business/businesses/queries.ts'
import { type ChargeKey, findPaidRequests, type PaidRequest } from '#resources/payments/charges/queries.ts'
import { recordRefundOutcome } from '#resources/payments/refunds/finish-refund.ts'
import { findRefund } from '#resources/payments/refunds/queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { deleteRailCredentials, insertNotificationsSql, saveRailCredentials } from './queries.ts'

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

/** A business's access to its own rails, and the rails' notifications. Keys are accepted and never returned. */
export function railsRoutes(api: Api, deps: RailsDeps): void {
  const group = api.group('Rails')
  const { database, rails } = deps
  const urlOf = (baseUrl: string, businessId: string) => `${baseUrl}/v1/rail-notifications/stripe/${businessId}`

  group.write(
    'PUT',
    '/v1/rails/stripe',
    { operationId: 'setUpStripe', summary: 'Set up Stripe', body: StripeAccess, answers: { 200: RailStatus } },
    ({ business, body, claim, baseUrl, at }) =>
      writeOnce(database.db, claim, at, async (tx) => {
        const { secret_key, webhook_secret, publishable_key } = body
        const access = JSON.stringify({ secret_key, webhook_secret, publishable_key })
        await saveRailCredentials(tx, business.id, 'stripe', encryptSecret(access, deps.secretKey()), at)
        return { status: 200, body: JSON.stringify({ rail: 'stripe', set_up: true, notification_url: urlOf(baseUrl, business.id) }) }
      }),
  )

  group.write(
    'DELETE',
    '/v1/rails/stripe',
    { operationId: 'removeStripe', summary: 'Remove the access to Stripe', answers: { 204: null } },
    ({ business, claim, at }) =>
      writeOnce(database.db, claim, at, async (tx) => {
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
  const { database, clock, rails, groupAcrossBusinesses } = deps
  // Notifications that arrive together share a query.
  const findBusiness = readTogether(async (ids: string[]) => {
    const found = await findBusinesses(database.write, ids)
    return ids.map((id) => found.get(id))
  })
  const groupOf = groupAcrossBusinesses ? undefined : ({ businessId }: ChargeKey) => businessId
  const findPaid = readTogether((keys: ChargeKey[]) => findPaidRequests(database.write, keys), { groupOf })
  api.raw('/v1/rail-notifications/:rail/:business_id', async ({ params, body, headers, origin }) => {
    const { rail: name = '', business_id: businessId = '' } = params
    const business = isUuid(businessId) ? await findBusiness(businessId.toLowerCase()) : undefined
    const found = business && (await rails.byName(business, name))
    if (!business || !found?.rail.readNotification) throw notFound('PaymentProvider', name)
    // A signature is as old as the rail's clock says, whatever the clock of the business.
    const notification = await found.rail.readNotification({ body, headers }, found.access, clock.system()).catch((error: unknown) => {
      throw error instanceof BadNotification ? new ApiError(400, 'bad_signature', error.message) : error
    })
    if (notification) await actOn(deps, findPaid, business, name, notification, origin(business.id))
    return { status: 200, body: '{"received":true}' }
  })
}

type FindPaid = (key: ChargeKey) => Promise<PaidRequest | undefined>

/** Records an outcome that a rail has sent, and its notification, which may be repeated. One about none of the business's payments changes nothing. */
async function actOn(deps: RailsDeps, findPaid: FindPaid, business: Business, rail: string, notification: RailNotification, origin: Origin): Promise<void> {
  const { db } = deps.database
  const { objectId, eventId } = notification
  const id = objectId !== null && isUuid(objectId) ? objectId : undefined
  if (id && notification.kind === 'charge') {
    const paid = await findPaid({ businessId: business.id, id })
    if (paid) {
      const subject = { isNew: false, ...paid } as const
      return void (await deps.settle({ business, charge: subject, outcome: notification.outcome, origin, notification: { rail, eventId } }))
    }
  } else if (id && notification.kind === 'refund') {
    const refund = await findRefund(db, business.id, id)
    if (refund) await recordRefundOutcome(deps, business, { chargeId: refund.charge_id, refundId: refund.id, outcome: notification.outcome }, origin)
  }
  await insertNotificationsSql([{ business_id: business.id, rail, rail_event_id: eventId, received_at: origin.at }]).execute(db)
}
