import { Type } from 'typebox'
import { BadNotification } from '../../engine/rails/rail.ts'
import type { Api } from '../../foundation/http/api.ts'
import { plainText, writeHeaders } from '../../foundation/http/schemas.ts'
import { writeOnce } from '../../foundation/http/transaction.ts'
import { ApiError, notFound } from '../../foundation/shared/errors.ts'
import { isUuid } from '../../foundation/shared/ids.ts'
import { encryptSecret } from '../../foundation/shared/secrets.ts'
import { findBusiness } from '../businesses/queries.ts'
import { findCharge } from '../charges/queries.ts'
import type { StartDeps } from '../charges/start-payment.ts'
import { deleteRailCredentials, noteNotification, saveRailCredentials } from './queries.ts'

export interface RailsDeps extends StartDeps {
  secretKey: () => Buffer
  /** Finishes a refund whose rail has answered. */
  finishRefund: (businessId: string, refundId: string, outcome: import('../../engine/rails/rail.ts').RefundOutcome) => Promise<void>
}

const tags = ['Rails']

const StripeAccess = Type.Object({
  secret_key: plainText(255, { pattern: '^(sk|rk)_[A-Za-z0-9_]+$', description: 'A secret or restricted key of Stripe.' }),
  webhook_secret: plainText(255, { pattern: '^whsec_[A-Za-z0-9]+$', description: "The signing secret of Stripe's webhook endpoint." }),
})

const RailStatus = Type.Object(
  { rail: Type.String(), set_up: Type.Boolean(), notification_url: Type.String({ description: 'Where the rail sends its notifications.' }) },
  { title: 'RailStatus' },
)

/** A business's access to its own rails, and what the rails tell us. Keys go in and never come out. */
export function railsRoutes(api: Api, deps: RailsDeps): void {
  const { database, now, rails, settle } = deps
  const urlOf = (baseUrl: string, businessId: string) => `${baseUrl}/v1/rail-notifications/stripe/${businessId}`

  api.write(
    'PUT',
    '/v1/rails/stripe',
    { operationId: 'setUpStripe', tags, summary: 'Set up Stripe', headers: writeHeaders, body: StripeAccess, answers: { 200: RailStatus } },
    ({ business, body, claim, baseUrl }) =>
      writeOnce(database.db, claim, now(), async (tx) => {
        const { secret_key, webhook_secret } = body
        await saveRailCredentials(tx, business.id, 'stripe', encryptSecret(JSON.stringify({ secret_key, webhook_secret }), deps.secretKey()), now())
        return { status: 200, body: JSON.stringify({ rail: 'stripe', set_up: true, notification_url: urlOf(baseUrl, business.id) }) }
      }),
  )

  api.write(
    'DELETE',
    '/v1/rails/stripe',
    { operationId: 'removeStripe', tags, summary: 'Forget the access to Stripe', headers: writeHeaders, answers: { 204: null } },
    ({ business, claim }) =>
      writeOnce(database.db, claim, now(), async (tx) => {
        if (!(await deleteRailCredentials(tx, business.id, 'stripe'))) throw notFound('PaymentProvider', 'stripe')
        return { status: 204 }
      }),
  )

  api.read(
    '/v1/rails/stripe',
    { operationId: 'getStripe', tags, summary: 'Whether Stripe is set up', answers: { 200: RailStatus } },
    async ({ business, baseUrl }) => {
      const found = await rails.byName(business, 'stripe')
      return { status: 200, body: JSON.stringify({ rail: 'stripe', set_up: found !== undefined, notification_url: urlOf(baseUrl, business.id) }) }
    },
  )

  // A rail has no API key; its signature is checked by the rail itself, over the raw bytes.
  api.raw('/v1/rail-notifications/:rail/:business_id', async ({ params, body, headers, requestId }) => {
    const { rail: name = '', business_id: businessId = '' } = params
    const business = isUuid(businessId) ? await findBusiness(database.db, businessId) : undefined
    const found = business && (await rails.byName(business, name))
    if (!business || !found?.rail.readNotification) throw notFound('PaymentProvider', name)
    let notification: Awaited<ReturnType<typeof found.rail.readNotification>>
    try {
      notification = await found.rail.readNotification({ body, headers }, found.access, now())
    } catch (error) {
      if (error instanceof BadNotification) throw new ApiError(400, 'bad_signature', error.message)
      throw error
    }
    const received = { status: 200, body: '{"received":true}' }
    if (!notification?.objectId || !isUuid(notification.objectId)) return received
    const { objectId, eventId, kind, outcome } = notification
    if (kind === 'refund') {
      await deps.finishRefund(business.id, objectId, outcome as never)
    } else {
      const charge = await findCharge(database.db, business.id, objectId)
      // Settling twice changes nothing, so the note that follows is a record and not a lock.
      if (charge)
        await settle({ business, charge: { isNew: false, id: charge.id, paymentRequestId: charge.payment_request_id }, outcome: outcome as never, requestId })
    }
    await noteNotification(database.db, business.id, name, eventId, now())
    return received
  })
}
