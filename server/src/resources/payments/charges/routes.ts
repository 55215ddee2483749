import { Type } from 'typebox'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import type { Business } from '#foundation/shared/business.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { businessDay } from '#foundation/shared/time.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { receiptUrl } from '#resources/payments/receipts/address.ts'
import { chargeRefundsReader } from '#resources/payments/refunds/queries.ts'
import { exportCharges, exportedFields } from './export-charges.ts'
import { exponentsOfCurrencies, exportFilterOf, filterOf } from './filter.ts'
import { chargePages, chargeReader, deliveriesReader, mostDeliveries, type ShownCharge } from './list-queries.ts'
import { type ChargeRow, paidStatuses } from './queries.ts'
import { Charge, ChargePage, ExportCharges, ListCharges, presentCharge, presentListedCharge, type Surroundings } from './wire.ts'

export interface ChargesDeps extends Pick<Deps, 'database' | 'secretKey' | 'groupAcrossBusinesses'> {
  rails: Rails
}

const order = 'id desc'

const nullableText = { type: ['string', 'null'] }
const exported = { type: 'object', properties: Object.fromEntries(exportedFields.map((name) => [name, nullableText])), required: exportedFields }

const Exported = Type.Unsafe<string>({
  description:
    'CSV (RFC 4180) in UTF-8 with a byte order mark, or JSON with the same fields as texts if the request accepts `application/json` and not `text/csv`.',
  content: {
    'text/csv': { schema: { type: 'string' } },
    'application/json': { schema: { type: 'object', properties: { data: { type: 'array', items: exported } }, required: ['data'] } },
  },
})

/** Whether a client wants JSON: it names it, and does not name CSV. */
const wantsJson = (accept = '') => /\bapplication\/json\b/i.test(accept) && !/\btext\/csv\b/i.test(accept)

/** What is shown beside charges' rows. */
function surroundings({ secretKey }: ChargesDeps, business: Business, baseUrl: string): (row: ShownCharge) => Surroundings {
  const key = secretKey()
  return (row) => ({
    business,
    baseUrl,
    location: row.location,
    receiptUrl: paidStatuses.has(row.status) ? receiptUrl(baseUrl, key, business, row.id) : null,
    webhookArrived: row.webhook_arrived,
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
  const { database, groupAcrossBusinesses } = deps
  const exponents = exponentsOfCurrencies()
  const page = chargePages(database, groupAcrossBusinesses, exponents)

  charges.read(
    '/v1/charges',
    {
      operationId: 'listCharges',
      summary: 'List charges',
      description: 'Newest first. Without a status filter, lists paid charges, refunded or not.',
      query: ListCharges,
      answers: { 200: ChargePage },
    },
    async (call: Call<ListCharges>) => {
      const { business, query, baseUrl, at } = call
      const asked = keysetRequest(call, '/v1/charges', order, query.perPage)
      const filter = await filterOf(database.db, business, query, at)
      const rows = await page(business.id, { ...asked, filter })
      const around = surroundings(deps, business, baseUrl)
      return { status: 200, body: keysetPage(rows, asked, (row) => JSON.stringify(presentListedCharge(row, around(row)))) }
    },
  )

  charges.read(
    '/v1/charges/export',
    {
      operationId: 'exportCharges',
      summary: 'Export charges as CSV or JSON',
      description: 'Newest first, in the order of the list. Cells that a spreadsheet could run as a formula start with an apostrophe.',
      query: ExportCharges,
      answers: { 200: Exported },
    },
    async ({ business, query, at, headers: { accept } }: Call<ExportCharges>) => {
      const what = { filter: exportFilterOf(business, query, at), exponents, atMost: query.perPage }
      if (wantsJson(accept)) {
        const stream = exportCharges(database, business, { ...what, format: 'json' })
        return { status: 200, headers: { 'content-type': 'application/json', vary: 'Accept' }, stream }
      }
      const file = `charges-${businessDay(at, business.timezone)}.csv`
      const headers = { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': `attachment; filename="${file}"`, vary: 'Accept' }
      return { status: 200, headers, stream: exportCharges(database, business, { ...what, format: 'csv' }) }
    },
  )

  charges.read('/v1/charges/:charge_id', { operationId: 'getCharge', summary: 'Get a charge', answers: { 200: Charge } }, readCharge(deps))
}

/** One charge with everything about it. */
function readCharge(deps: ChargesDeps): (call: Call) => Promise<Answer> {
  const { database, groupAcrossBusinesses, rails } = deps
  const read = chargeReader(database, groupAcrossBusinesses)
  const refundsOf = chargeRefundsReader(database, groupAcrossBusinesses)
  const deliveriesOf = deliveriesReader(database, groupAcrossBusinesses)
  return async ({ business, params, baseUrl }) => {
    const id = params.charge_id ?? ''
    const businessId = business.id
    const [row] = isUuid(id) ? await read({ businessId, id }) : []
    if (!row) throw notFound('Charge', id)
    const objectIds = [row.id, row.payment_request_id].filter((objectId) => objectId !== null)
    const [refunds, blocked, ...deliveries] = await Promise.all([
      refundsOf({ businessId, id: row.id }),
      blockedBecause(rails, business, row),
      ...objectIds.map((objectId) => deliveriesOf({ businessId, id: objectId })),
    ])
    const latest = deliveries.flat().sort((a, b) => (a.id < b.id ? 1 : -1))
    const around = surroundings(deps, business, baseUrl)(row)
    return { status: 200, body: JSON.stringify(presentCharge(row, around, { rows: refunds, blocked }, latest.slice(0, mostDeliveries))) }
  }
}
