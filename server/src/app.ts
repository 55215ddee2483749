import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { countPendingEvents } from '#engine/events/order-events.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { type ApiKeys, apiKeys } from '#foundation/http/api-keys.ts'
import { type ApiOptions, createApi } from '#foundation/http/create-api.ts'
import { healthRoutes } from '#foundation/http/health.ts'
import { idempotency } from '#foundation/http/idempotency.ts'
import { linkBases } from '#foundation/http/link-base.ts'
import type { Metrics } from '#foundation/http/observability.ts'
import { referenceRoutes } from '#foundation/http/reference.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { receiptPages } from '#pages/receipts/routes.ts'
import { type Pages, pagesRoutes } from '#pages/routes.ts'
import { rememberSlugs } from '#resources/business/businesses/known-slugs.ts'
import { findBusinessBySlug, findKnownKey } from '#resources/business/businesses/queries.ts'
import { businessRoutes } from '#resources/business/routes.ts'
import { customersAreaRoutes } from '#resources/customers/routes.ts'
import { createPaymentRequest } from '#resources/payments/payment-requests/create-payment-request.ts'
import { type PaymentsDeps, paymentsOf } from '#resources/payments/payments.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { receiptUrl } from '#resources/payments/receipts/address.ts'
import { paymentsRoutes } from '#resources/payments/routes.ts'
import type { Follower } from '#resources/payments/settlement/followers.ts'
import { payoutsRoutes } from '#resources/payouts/routes.ts'
import { sandboxRoutes } from '#resources/sandbox/routes.ts'
import { countQueuedDeliveries } from '#resources/webhooks/delivery/delivery-queries.ts'
import { webhooksRoutes } from '#resources/webhooks/routes.ts'
import type { Config } from './config.ts'

export interface AppDeps {
  config: Pick<Config, 'publicUrl' | 'rateLimit' | 'groupCommitAcrossBusinesses'> &
    Partial<Pick<Config, 'groupCommitRows' | 'receiptFont' | 'allowedHosts' | 'databaseUrl' | 'dataDirectory'>>
  database: Database
  log: Logger
  metrics: Metrics
  clock: Clock
  /** Called after a commit that appended an event. */
  onEvent?: (businessId: string) => void
  /** The URL of this server, for links in answers and webhooks that have no request. */
  baseUrl: () => string
  /** The key that encrypts stored secrets. */
  secretKey: () => Buffer
  /** What moves money; the configured rails, unless a test brings its own. */
  rails?: Rails
  /** Who completes what payment requests collect money for; `followers`, unless a test brings its own. */
  followers?: readonly Follower[]
  /** The location of the OpenAPI document; absent while it is being generated. */
  openApiFile?: string
  /** Counts requests where several processes share a limit. */
  rateLimitStore?: ApiOptions['rateLimitStore']
  checkAnswer?: NonNullable<ApiOptions['checkAnswer']>
  beforeRoutes?: NonNullable<ApiOptions['beforeRoutes']>
}

export interface App extends Api {
  readonly apiKeys: ApiKeys
  readonly payments: PaymentsDeps
  readonly pages: Pages
}

/** Who completes what payment requests collect money for, in one list. */
export const followers: readonly Follower[] = []

/** Every area's routes, in one list. */
export async function createApp(options: AppDeps): Promise<App> {
  const { config, database, log, metrics, clock, baseUrl, secretKey, openApiFile, checkAnswer, beforeRoutes } = options
  // Pages that wait for a payment are notified after the same commit as the relay.
  let wakePages: Pages['wake'] = () => undefined
  const onEvent = (businessId: string) => {
    options.onEvent?.(businessId)
    wakePages(businessId)
  }
  const deps: Deps = {
    database,
    log,
    clock,
    onEvent,
    baseUrl,
    secretKey,
    groupAcrossBusinesses: config.groupCommitAcrossBusinesses,
    groupRows: config.groupCommitRows,
  }
  const repeats = idempotency(database.db)
  const keys = apiKeys((keyHash) => findKnownKey(database.db, keyHash), clock)
  const api = await createApi({
    log,
    metrics,
    authenticators: [keys],
    idempotency: repeats,
    clock,
    baseUrl,
    linkBase: linkBases({ publicUrl: config.publicUrl, baseUrl, allowedHosts: config.allowedHosts }),
    rateLimit: config.rateLimit,
    rateLimitStore: options.rateLimitStore,
    // HitPay's own examples use this path (behaviour §7.4 and the contract's samples).
    aliases: { '/v1/customer': '/v1/customers' },
    ...(checkAnswer ? { checkAnswer } : {}),
    ...(beforeRoutes ? { beforeRoutes } : {}),
  })
  healthRoutes(api, { database, metrics, dataDirectory: config.databaseUrl === undefined ? config.dataDirectory : undefined })
  referenceRoutes(api, openApiFile ? () => readFileSync(openApiFile, 'utf8') : undefined)

  const payments = paymentsOf(deps, options.followers ?? followers, options.rails)
  customersAreaRoutes(api, deps)
  webhooksRoutes(api, deps)
  businessRoutes(api, deps)
  paymentsRoutes(api, payments)
  payoutsRoutes(api, deps)
  sandboxRoutes(api, payments)

  const businessBySlug = rememberSlugs((slug) => findBusinessBySlug(database.db, slug), clock)
  receiptPages(api, { database, secretKey, businessBySlug, receiptFont: config.receiptFont })
  const pages = await pagesRoutes(api, {
    ...payments,
    idempotency: repeats,
    businessBySlug,
    receiptUrl: (business, chargeId) => receiptUrl('', secretKey(), business, chargeId),
    createPaymentRequest: createPaymentRequest(payments),
  })
  wakePages = pages.wake

  databaseGauges(metrics, database)
  return { ...api, apiKeys: keys, payments, pages }
}

/** Metrics of the database and of waiting work. */
function databaseGauges(metrics: Metrics, database: Database): void {
  metrics.gauge('hawker_database_connections', 'Open connections of the main pool.', () => database.pool.totalCount)
  metrics.gauge('hawker_database_connections_idle', 'Idle connections of the main pool.', () => database.pool.idleCount)
  metrics.gauge('hawker_database_waiting', 'Queries waiting for a connection of the main pool.', () => database.pool.waitingCount)
  metrics.gauge('hawker_database_slow_connections', 'Open connections of the pool for lists and searches.', () => database.slowPool.totalCount)
  metrics.gauge('hawker_database_slow_waiting', 'Lists and searches waiting for a connection.', () => database.slowPool.waitingCount)
  metrics.gauge('hawker_events_pending', 'Committed events not yet sequenced.', () => countPendingEvents(database.slow), 'shared')
  metrics.gauge(
    'hawker_webhook_deliveries_pending',
    'Deliveries that are due or waiting for a retry, counted up to 100,000.',
    () => countQueuedDeliveries(database.slow),
    'shared',
  )
}
