import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { countQueuedDeliveries } from './engine/events/delivery-queries.ts'
import { fanOut } from './engine/events/fan-out.ts'
import { countPendingEvents } from './engine/events/order-events.ts'
import type { Database } from './foundation/database/database.ts'
import { type Api, type ApiOptions, createApi } from './foundation/http/api.ts'
import { type Authentication, authentication } from './foundation/http/authentication.ts'
import { healthRoutes } from './foundation/http/health.ts'
import { idempotency } from './foundation/http/idempotency.ts'
import type { Metrics } from './foundation/http/observability.ts'
import { referenceRoutes } from './foundation/http/reference.ts'
import { receiptUrl } from './foundation/shared/receipt-address.ts'
import type { Now } from './foundation/shared/time.ts'
import { receiptPages } from './pages/receipts/routes.ts'
import { type Pages, pagesRoutes } from './pages/routes.ts'
import { accountStatusRoutes } from './resources/account-status/routes.ts'
import { balancesRoutes } from './resources/balances/routes.ts'
import { bankAccountsRoutes } from './resources/bank-accounts/routes.ts'
import { rememberSlugs } from './resources/businesses/known-slugs.ts'
import { findBusinessBySlug, findKnownKey } from './resources/businesses/queries.ts'
import { presentPayment } from './resources/charges/event-wire.ts'
import { feeRoutes } from './resources/charges/fee-routes.ts'
import { adminFeeOn } from './resources/charges/fees.ts'
import { listPayments } from './resources/charges/queries.ts'
import { chargesRoutes } from './resources/charges/routes.ts'
import { settleCharges } from './resources/charges/settle-charges.ts'
import type { Rails, StartDeps } from './resources/charges/start-payment.ts'
import { checkoutSettingsRoutes } from './resources/checkout-settings/routes.ts'
import { customersRoutes } from './resources/customers/routes.ts'
import { eventsRoutes } from './resources/events/routes.ts'
import { locationsRoutes } from './resources/locations/routes.ts'
import { mailsRoutes } from './resources/mails/routes.ts'
import { createPaymentRequest } from './resources/payment-requests/create-payment-request.ts'
import { issueQr } from './resources/payment-requests/issue-qr.ts'
import { lookingUp } from './resources/payment-requests/look-up.ts'
import { type PaymentRequestsDeps, paymentRequestsRoutes } from './resources/payment-requests/routes.ts'
import { railRegistry } from './resources/rails/registry.ts'
import { railsRoutes } from './resources/rails/routes.ts'
import { receiptsRoutes } from './resources/receipts/routes.ts'
import { chargeRefunds } from './resources/refunds/charge-refunds.ts'
import { refundsRoutes } from './resources/refunds/routes.ts'
import { sandboxRoutes } from './resources/sandbox/routes.ts'
import { webhookDeliveriesRoutes } from './resources/webhook-deliveries/routes.ts'
import { webhookEventsRoutes } from './resources/webhook-events/routes.ts'

export interface AppDeps {
  config: Pick<Config, 'publicUrl' | 'rateLimit' | 'groupCommitAcrossBusinesses'> & Partial<Pick<Config, 'groupCommitRows' | 'receiptFont'>>
  database: Database
  log: Logger
  metrics: Metrics
  now: Now
  /** Called after a commit that appended an event. */
  onEvent?: (businessId: string) => void
  /** How this server is reached, for links in answers and webhooks that no request asked for. */
  baseUrl: () => string
  /** The key that encrypts stored secrets. */
  secretKey: () => Buffer
  /** How money moves; the rails that are set up, unless a test brings its own. */
  rails?: Rails
  /** Where the OpenAPI document is; absent while it is being made. */
  openApiFile?: string
  checkAnswer?: NonNullable<ApiOptions['checkAnswer']>
  beforeRoutes?: NonNullable<ApiOptions['beforeRoutes']>
}

/** What the routes and jobs of payments share. */
export type PaymentsDeps = StartDeps & { secretKey: () => Buffer }

export interface App extends Api {
  readonly authentication: Authentication
  readonly payments: PaymentsDeps
  readonly pages: Pages
}

/** Sets up what moves money: the rails, and the one function that settles charges. */
export function paymentsOf(
  deps: Pick<AppDeps, 'database' | 'now' | 'baseUrl' | 'secretKey' | 'rails'> & { onEvent: PaymentsDeps['onEvent']; groupAcrossBusinesses: boolean },
): PaymentsDeps {
  const { database, now, baseUrl, secretKey, rails, onEvent, groupAcrossBusinesses } = deps
  const settleDeps = { database, now, onEvent, baseUrl, secretKey, groupAcrossBusinesses }
  return { ...settleDeps, rails: rails ?? railRegistry({ database, secretKey }), settle: settleCharges(settleDeps), secretKey }
}

/** Every route, in one list. */
export async function createApp(deps: AppDeps): Promise<App> {
  const { config, database, log, metrics, now, secretKey, onEvent: onAppended = () => undefined, openApiFile, checkAnswer, beforeRoutes } = deps
  // Pages that wait for a payment hear of it after the same commit as the relay.
  let tellPages: Pages['wake'] = () => undefined
  const onEvent = (businessId: string, arePlaced = false) => {
    if (!arePlaced) onAppended(businessId)
    tellPages(businessId)
  }
  const repeats = idempotency(database.db)
  const keys = authentication((keyHash) => findKnownKey(database.db, keyHash))
  const api = await createApi({
    log,
    metrics,
    authentication: keys,
    idempotency: repeats,
    publicUrl: config.publicUrl,
    rateLimit: config.rateLimit,
    ...(checkAnswer ? { checkAnswer } : {}),
    ...(beforeRoutes ? { beforeRoutes } : {}),
  })
  healthRoutes(api, { database, metrics })
  referenceRoutes(api, openApiFile ? () => readFileSync(openApiFile, 'utf8') : undefined)
  customersRoutes(api, { database, now, onEvent, groupAcrossBusinesses: config.groupCommitAcrossBusinesses, groupRows: config.groupCommitRows })
  eventsRoutes(api, { database, onOrdered: fanOut({ secretKey, now }), onEvent })
  webhookEventsRoutes(api, { database, now, secretKey })
  webhookDeliveriesRoutes(api, { database, now, secretKey, onEvent })
  locationsRoutes(api, { database })
  accountStatusRoutes(api, { database })
  const paymentRequests: PaymentRequestsDeps = {
    database,
    now,
    onEvent,
    groupAcrossBusinesses: config.groupCommitAcrossBusinesses,
    qr: issueQr,
    adminFee: adminFeeOn,
    listPayments: async (business, id) => {
      const rows = await listPayments(database.db, business.id, id)
      return rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, business))
    },
  }
  paymentRequestsRoutes(api, paymentRequests)

  const payments = paymentsOf({ ...deps, onEvent, groupAcrossBusinesses: config.groupCommitAcrossBusinesses })
  chargesRoutes(api, { ...payments, refunds: chargeRefunds(database) })
  feeRoutes(api, payments)
  refundsRoutes(api, payments)
  receiptsRoutes(api, payments)
  balancesRoutes(api, payments)
  mailsRoutes(api, payments)
  sandboxRoutes(api, payments)
  bankAccountsRoutes(api, payments)
  railsRoutes(api, payments)
  checkoutSettingsRoutes(api, { database, now })

  const businessBySlug = rememberSlugs((slug) => findBusinessBySlug(database.db, slug), now)
  receiptPages(api, { database, secretKey, businessBySlug, publicUrl: config.publicUrl, receiptFont: config.receiptFont })
  const pages = await pagesRoutes(api, {
    ...payments,
    log,
    idempotency: repeats,
    businessBySlug,
    receiptUrl: (business, chargeId) => receiptUrl('', secretKey(), business, chargeId),
    createPaymentRequest: createPaymentRequest(paymentRequests, lookingUp(database)),
  })
  tellPages = pages.wake

  databaseGauges(metrics, database)
  return { ...api, authentication: keys, payments, pages }
}

/** What operators watch of the database and of what waits in it. */
function databaseGauges(metrics: Metrics, database: Database): void {
  metrics.gauge('hawker_database_connections', 'Open connections of the main pool.', () => database.pool.totalCount)
  metrics.gauge('hawker_database_connections_idle', 'Idle connections of the main pool.', () => database.pool.idleCount)
  metrics.gauge('hawker_database_waiting', 'Queries that wait for a connection of the main pool.', () => database.pool.waitingCount)
  metrics.gauge('hawker_database_slow_connections', 'Open connections of the pool for lists and searches.', () => database.slowPool.totalCount)
  metrics.gauge('hawker_database_slow_waiting', 'Lists and searches that wait for a connection.', () => database.slowPool.waitingCount)
  metrics.gauge('hawker_events_pending', 'Committed events that have no place in their order yet.', () => countPendingEvents(database.slow))
  metrics.gauge('hawker_webhook_deliveries_pending', 'Deliveries that are due or wait for their next try, counted up to 100,000.', () =>
    countQueuedDeliveries(database.slow),
  )
}
