import { Type } from 'typebox'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { decodeCursor, keysetPage } from '#foundation/http/pagination.ts'
import type { Business } from '#foundation/shared/business.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { businessDay } from '#foundation/shared/time.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { receiptUrl } from '#resources/payments/receipts/address.ts'
import { listRefundsOfCharge } from '#resources/payments/refunds/queries.ts'
import { exportCharges } from './export-charges.ts'
import { exponentsOfCurrencies, exportFilterOf, filterOf } from './filter.ts'
import { chargeLists, findDelivered, findLocations, listDeliveriesOf } from './list-queries.ts'
import { type ChargeRow, findCharge, paidStatuses } from './queries.ts'
import { Charge, ChargePage, ExportCharges, ListCharges, presentCharge, presentListedCharge, type Surroundings } from './wire.ts'

export interface ChargesDeps extends Pick<Deps, 'database' | 'secretKey' | 'groupAcrossBusinesses'> {
  rails: Rails
}

const order = 'id desc'

const Csv = Type.Unsafe<string>({
  description: 'CSV (RFC 4180) in UTF-8 with a byte order mark.',
  content: { 'text/csv': { schema: { type: 'string' } } },
})

/** What is returned with charges, for all of a page in one go. */
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
    receiptUrl: paidStatuses.has(row.status) ? receiptUrl(baseUrl, key, business, row.id) : null,
    webhookArrived: delivered.has(row.id) || (row.payment_request_id !== null && delivered.has(row.payment_request_id)),
  })
}

/** Why a charge cannot be refunded; null when it can. */
async function blockedBecause(rails: Rails, business: Business, row: ChargeRow): Promise<string | null> {
  if (!paidStatuses.has(row.status)) return 'Only payments that succeeded can be refunded.'
  if (row.refunded_minor === row.amount_minor) return 'The payment has been refunded.'
  const found = await rails.byName(business, row.rail)
  return found?.rail.refund ? null : 'This payment method cannot be refunded.'
}

/** Charges: the list with all of its filters, one charge, and the export. */
export function chargesRoutes(api: Api, deps: ChargesDeps): void {
  const charges = api.group('Charges')
  const { database, rails } = deps
  const list = chargeLists(database, deps.groupAcrossBusinesses, exponentsOfCurrencies())

  charges.read(
    '/v1/charges',
    {
      operationId: 'listCharges',
      summary: 'List charges',
      description: 'Newest first. Without a status filter, lists paid charges, refunded or not.',
      query: ListCharges,
      answers: { 200: ChargePage },
    },
    async ({ business, query, baseUrl, rawQuery, at }: Call<ListCharges>) => {
      const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
      const perPage = query.perPage ?? query.per_page
      const filter = await filterOf(database.db, business, query, at)
      const rows = await list(business.id, { filter, cursor, limit: perPage + 1 })
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
      description: 'Newest first, in the order of the list. Cells that a spreadsheet could run as a formula start with an apostrophe.',
      query: ExportCharges,
      answers: { 200: Csv },
    },
    async ({ business, query, at }: Call<ExportCharges>) => {
      const filter = exportFilterOf(business, query, at)
      const file = `charges-${businessDay(at, business.timezone)}.csv`
      const headers = { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': `attachment; filename="${file}"` }
      return { status: 200, headers, stream: exportCharges(list, business, filter, query.perPage) }
    },
  )

  charges.read(
    '/v1/charges/:charge_id',
    { operationId: 'getCharge', summary: 'Get a charge', answers: { 200: Charge } },
    async ({ business, params, baseUrl }) => {
      const id = params.charge_id ?? ''
      const row = isUuid(id) ? await findCharge(database.db, business.id, id) : undefined
      if (!row) throw notFound('Charge', id)
      const objectIds = [row.id, row.payment_request_id].filter((objectId) => objectId !== null)
      const [around, refunds, deliveries, blocked] = await Promise.all([
        surroundingsOf(deps, [row], business, baseUrl),
        listRefundsOfCharge(database.db, business.id, row.id),
        listDeliveriesOf(database.slow, business.id, objectIds),
        blockedBecause(rails, business, row),
      ])
      return { status: 200, body: JSON.stringify(presentCharge(row, around(row), { rows: refunds, blocked }, deliveries)) }
    },
  )
}
