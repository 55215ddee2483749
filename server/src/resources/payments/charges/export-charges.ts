import { Readable } from 'node:stream'
import type { Database } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { type ChargeFilter, type Exponents, type ListedCharges, listCharges } from './list-queries.ts'
import { displayName } from './payment-method-wire.ts'
import type { ChargeRow } from './queries.ts'
import { netOf } from './wire.ts'

const batch = 500

/**
 * Text as a cell of RFC 4180. A spreadsheet treats what starts with one of these characters as a formula, so that a payer's
 * name could run one; an apostrophe before it makes it text (OWASP, CSV injection).
 */
export function textCell(text: string | null): string {
  if (text === null || text === '') return ''
  const safe = /^\s*[=+\-@|%\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]|^[\t\r\n]/u.test(text) ? `'${text}` : text
  return /[",\r\n\t;']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

type Column = [title: string, cell: (row: ChargeRow, business: Business) => string]

const amount = (minor: (row: ChargeRow) => bigint) => (row: ChargeRow) => formatAmount(minor(row), row.currency)
const time = (at: (row: ChargeRow) => Date | null) => (row: ChargeRow, business: Business) => {
  const value = at(row)
  return value === null ? '' : formatBusinessTime(value, business.timezone)
}

const columns: Column[] = [
  ['id', (row) => row.id],
  ['created_at', time((row) => row.created_at)],
  ['closed_at', time((row) => row.closed_at)],
  ['status', (row) => row.status],
  ['currency', (row) => row.currency],
  ['amount', amount((row) => row.amount_minor)],
  ['fixed_fee', amount((row) => row.fixed_fee_minor)],
  ['discount_fee', amount((row) => row.discount_fee_minor)],
  ['net_amount', amount(netOf)],
  ['refunded_amount', amount((row) => row.refunded_minor)],
  ['refunded_at', time((row) => row.refunded_at)],
  ['payment_method', (row) => textCell(row.method)],
  ['card_brand', (row) => textCell(row.card && displayName(row.card.brand.toLowerCase()))],
  ['card_last4', (row) => textCell(row.card?.last4 ?? null)],
  ['customer_name', (row) => textCell(row.customer_name)],
  ['customer_email', (row) => textCell(row.customer_email)],
  ['customer_phone_number', (row) => textCell(row.customer_phone)],
  ['remark', (row) => textCell(row.remark)],
  ['order_reference_number', (row) => textCell(row.reference_number)],
  ['payment_reference_number', (row) => textCell(row.rail_reference)],
  ['payment_request_id', (row) => row.payment_request_id ?? ''],
  ['customer_id', (row) => row.customer_id ?? ''],
  ['channel', (row) => textCell(row.channel)],
  ['unapplied_reason', (row) => row.unapplied_reason ?? ''],
]

/** A charge as a line of CSV, with its CRLF. */
export function csvLine(row: ChargeRow, business: Business): string {
  return `${columns.map(([, cell]) => cell(row, business)).join(',')}\r\n`
}

async function* lines(database: Database, business: Business, filter: ChargeFilter, exponents: Exponents, atMost: number): AsyncGenerator<string> {
  // Spreadsheets read UTF-8 only when the file says so.
  yield `\u{feff}${columns.map(([title]) => title).join(',')}\r\n`
  let left = atMost
  let cursor: ListedCharges['cursor']
  while (left > 0) {
    const limit = Math.min(batch, left)
    const rows = await listCharges(database, business.id, { filter, cursor, limit }, exponents)
    const last = rows.at(-1)
    if (!last) return
    yield rows.map((row) => csvLine(row, business)).join('')
    if (rows.length < limit) return
    left -= rows.length
    cursor = { order: '', key: '', id: last.id, direction: 'next' }
  }
}

/** Charges as CSV, newest first, read from the database as fast as the client reads them and no faster. */
export function exportCharges(database: Database, business: Business, filter: ChargeFilter, exponents: Exponents, atMost = Number.POSITIVE_INFINITY): Readable {
  return Readable.from(lines(database, business, filter, exponents, atMost), { objectMode: false, highWaterMark: 65_536 })
}
