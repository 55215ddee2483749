import { Type } from 'typebox'
import type { Database } from '#foundation/database/database.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { decodeCursor, keysetPage } from '#foundation/http/pagination.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { businessDay, type Now } from '#foundation/shared/time.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { receiptUrl } from '#resources/payments/receipts/address.ts'
import { exportCharges } from './export-charges.ts'
import { exponentsOfCurrencies, exportFilterOf, filterOf } from './filter.ts'
import { findDelivered, findLocations, listCharges, listDeliveriesOf } from './list-queries.ts'
import { type ChargeRow, findCharge } from './queries.ts'
import { ChargePage, type ChargeRefunds, chargeSchema, ExportCharges, ListCharges, presentCharge, presentListedCharge, type Surroundings } from './wire.ts'

export interface ChargesDeps {
  database: Database
  now: Now
  rails: Rails
  refunds: ChargeRefunds
  secretKey: () => Buffer
}

const order = 'id desc'

const Csv = Type.Unsafe<string>({
  description: 'CSV (RFC 4180) in UTF-8 with a byte order mark.',
  content: { 'text/csv': { schema: { type: 'string' } } },
})

const paid = new Set<string>(['succeeded', 'refunded', 'partially_refunded'])

/** What stands around charges, for all of a page at once. */
async function surroundingsOf(
  { database: { slow: db }, secretKey }: ChargesDeps,
  rows: ChargeRow[],
  business: Business,
  baseUrl: string,
): Promise<(row: ChargeRow) => Surroundings> {
  const key = secretKey()
  const present = (ids: (string | null)[]) => [...new Set(ids.filter((id) => id !== null))]
  const locationIds = present(rows.map((row) => row.location_id))
  const objectIds = present(rows.flatMap((row) => [row.id, row.payment_request_id]))
  const [locations, delivered] = await Promise.all([findLocations(db, business.id, locationIds), findDelivered(db, business.id, objectIds)])
  return (row) => ({
    business,
    baseUrl,
    location: row.location_id === null ? null : (locations.get(row.location_id) ?? null),
    receiptUrl: paid.has(row.status) ? receiptUrl(baseUrl, key, business, row.id) : null,
    webhookArrived: delivered.has(row.id) || (row.payment_request_id !== null && delivered.has(row.payment_request_id)),
  })
}

/** Why a charge cannot be refunded; null when it can. */
async function blockedBecause(rails: Rails, business: Business, row: ChargeRow): Promise<string | null> {
  if (!['succeeded', 'partially_refunded', 'refunded'].includes(row.status)) return 'Only payments that succeeded can be refunded.'
  if (row.refunded_minor === row.amount_minor) return 'The payment has been refunded.'
  const found = await rails.byName(business, row.rail)
  return found?.rail.refund ? null : 'This payment method cannot be refunded.'
}

/** Charges: the list with all of its filters, one charge, and the export. */
export function chargesRoutes(api: Api, deps: ChargesDeps): void {
  const charges = api.group('Charges')
  const { database, now, rails, refunds } = deps
  const exponents = exponentsOfCurrencies()

  charges.read(
    '/v1/charges',
    {
      operationId: 'listCharges',
      summary: 'List charges',
      description: 'Newest first. Without any filter on status: what was paid, refunded or not.',
      query: ListCharges,
      answers: { 200: ChargePage },
    },
    async ({ business, query, baseUrl, rawQuery }: Call<ListCharges>) => {
      const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
      const perPage = query.perPage ?? query.per_page
      const filter = await filterOf(database.db, business, query, now())
      const rows = await listCharges(database, business.id, { filter, cursor, limit: perPage + 1 }, exponents)
      const around = await surroundingsOf(deps, rows, business, baseUrl)
      const page = { order, cursor, perPage, path: `${baseUrl}/v1/charges`, query: rawQuery }
      return { status: 200, body: keysetPage(rows, page, (row) => JSON.stringify(presentListedCharge(row, around(row)))) }
    },
  )

  charges.read(
    '/v1/charges/export',
    {
      operationId: 'exportCharges',
      summary: 'Export charges as CSV',
      description: 'Newest first, as they are in the list. Cells that a spreadsheet would take for a formula begin with an apostrophe.',
      query: ExportCharges,
      answers: { 200: Csv },
    },
    async ({ business, query }: Call<ExportCharges>) => {
      const at = now()
      const filter = exportFilterOf(business, query, at)
      const file = `charges-${businessDay(at, business.timezone)}.csv`
      const headers = { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': `attachment; filename="${file}"` }
      return { status: 200, headers, stream: exportCharges(database, business, filter, exponents, query.perPage) }
    },
  )

  charges.read(
    '/v1/charges/:charge_id',
    { operationId: 'getCharge', summary: 'Get a charge', answers: { 200: chargeSchema(refunds.schema) } },
    async ({ business, params, baseUrl }) => {
      const id = params.charge_id ?? ''
      const row = isUuid(id) ? await findCharge(database.db, business.id, id) : undefined
      if (!row) throw notFound('Charge', id)
      const objectIds = [row.id, row.payment_request_id].filter((one) => one !== null)
      const [around, its, deliveries, blocked] = await Promise.all([
        surroundingsOf(deps, [row], business, baseUrl),
        refunds.list(business.id, row.id),
        listDeliveriesOf(database.slow, business.id, objectIds),
        blockedBecause(rails, business, row),
      ])
      const state = {
        all: its.map(({ shown }) => shown),
        automatic: its.filter(({ isAutomatic }) => isAutomatic).map(({ shown }) => shown),
        canRefund: blocked === null,
        blocked,
      }
      return { status: 200, body: JSON.stringify(presentCharge(row, around(row), state, deliveries)) }
    },
  )
}
