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

/** A column: the value of a row, null for none. `text` marks those that a person wrote, whose cells are made safe. */
type Column = [title: string, value: (row: ChargeRow, business: Business) => string | null, text?: 'text']

const amount = (minor: (row: ChargeRow) => bigint) => (row: ChargeRow) => formatAmount(minor(row), row.currency)
const time = (at: (row: ChargeRow) => Date | null) => (row: ChargeRow, business: Business) => {
  const value = at(row)
  return value === null ? null : formatBusinessTime(value, business.timezone)
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
  ['payment_method', (row) => row.method, 'text'],
  ['card_brand', (row) => row.card && displayName(row.card.brand.toLowerCase()), 'text'],
  ['card_last4', (row) => row.card?.last4 ?? null, 'text'],
  ['customer_name', (row) => row.customer_name, 'text'],
  ['customer_email', (row) => row.customer_email, 'text'],
  ['customer_phone_number', (row) => row.customer_phone, 'text'],
  ['remark', (row) => row.remark, 'text'],
  ['order_reference_number', (row) => row.reference_number, 'text'],
  ['payment_reference_number', (row) => row.rail_reference, 'text'],
  ['payment_request_id', (row) => row.payment_request_id],
  ['customer_id', (row) => row.customer_id],
  ['channel', (row) => row.channel, 'text'],
  ['unapplied_reason', (row) => row.unapplied_reason],
]

/** The fields of an exported charge, for the reference. */
export const exportedFields: readonly string[] = columns.map(([title]) => title)

/** A charge as a line of CSV, with its CRLF. */
export function csvLine(row: ChargeRow, business: Business): string {
  return `${columns.map(([, value, text]) => (text ? textCell(value(row, business)) : (value(row, business) ?? ''))).join(',')}\r\n`
}

const jsonItem = (row: ChargeRow, business: Business): string =>
  JSON.stringify(Object.fromEntries(columns.map(([title, value]) => [title, value(row, business)])))

/** How the rows of an export are written. */
interface Format {
  head: string
  tail: string
  /** Between the texts of two batches. */
  between: string
  rows(rows: ChargeRow[], business: Business): string
}

const formats: Record<'csv' | 'json', Format> = {
  csv: {
    // Spreadsheets read UTF-8 only when the file says so.
    head: `\u{feff}${exportedFields.join(',')}\r\n`,
    tail: '',
    between: '',
    rows: (rows, business) => rows.map((row) => csvLine(row, business)).join(''),
  },
  json: { head: '{"data":[', tail: ']}', between: ',', rows: (rows, business) => rows.map((row) => jsonItem(row, business)).join(',') },
}

/** What is exported, and how. */
export interface Export {
  filter: ChargeFilter
  exponents: Exponents
  /** All of them if omitted. */
  atMost?: number | undefined
  format: 'csv' | 'json'
}

async function* texts(
  database: Database,
  business: Business,
  { filter, exponents, atMost = Number.POSITIVE_INFINITY, format }: Export,
): AsyncGenerator<string> {
  const { head, tail, between, rows: textOf } = formats[format]
  yield head
  let left = atMost
  let cursor: ListedCharges['cursor']
  while (left > 0) {
    const limit = Math.min(batch, left)
    const rows = await listCharges(database, business.id, { filter, cursor, limit }, exponents)
    const last = rows.at(-1)
    if (!last) break
    yield `${cursor ? between : ''}${textOf(rows, business)}`
    if (rows.length < limit) break
    left -= rows.length
    cursor = { order: '', key: '', id: last.id, direction: 'next' }
  }
  if (tail !== '') yield tail
}

/** Charges as CSV or JSON, newest first, read from the database as fast as the client reads them and no faster. */
export function exportCharges(database: Database, business: Business, what: Export): Readable {
  return Readable.from(texts(database, business, what), { objectMode: false, highWaterMark: 65_536 })
}
