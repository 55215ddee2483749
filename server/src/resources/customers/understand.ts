import type { Business } from '../../foundation/http/authentication.ts'
import { parseCountry } from '../../foundation/shared/countries.ts'
import { type FieldErrors, invalid } from '../../foundation/shared/errors.ts'
import { toE164 } from '../../foundation/shared/phone.ts'
import { searchTextOf } from '../../foundation/shared/search-text.ts'
import { businessDay, isCalendarDay } from '../../foundation/shared/time.ts'
import type { CustomerFields } from './queries.ts'
import type { Address, UpdateCustomer } from './wire.ts'

/** Limits of metadata; the same as at the peers that have it. */
const maxMetadataKeys = 50

/**
 * HitPay's command line sends other names than its API takes (`phone`, and the address at the top level, behaviour
 * §7.4). Documented names win where both are given.
 */
export function acceptOtherDialect(body: unknown): UpdateCustomer {
  const given = body as Record<string, unknown>
  const { phone, street, zip_code, ...rest } = given
  const out: Record<string, unknown> = rest
  if (phone !== undefined && out.phone_number === undefined) out.phone_number = phone
  if (out.address === undefined && (street !== undefined || zip_code !== undefined)) {
    const { city, state, country, ...others } = out
    const postal_code = given.postal_code ?? zip_code
    return { ...others, address: { city, state: state ?? city, street, postal_code, ...(country === undefined ? {} : { country }) } } as UpdateCustomer
  }
  return out as UpdateCustomer
}

/** What a schema cannot say: real days, known countries. All faults at once. */
function checked(body: UpdateCustomer, business: Business, at: Date): UpdateCustomer {
  const errors: FieldErrors = {}
  const { birth_date, address, metadata } = body
  if (typeof birth_date === 'string') {
    if (!isCalendarDay(birth_date)) errors.birth_date = ['The birth date does not match the format Y-m-d.']
    else if (birth_date > businessDay(at, business.timezone)) errors.birth_date = ['The birth date must be a date before or equal to today.']
  }
  if (address?.country && parseCountry(address.country) === undefined) errors['address.country'] = ['The selected address.country is invalid.']
  if (metadata && Object.keys(metadata).length > maxMetadataKeys) errors.metadata = [`The metadata may not have more than ${maxMetadataKeys} items.`]
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return body
}

function understoodAddress(address: Address): CustomerFields['address'] {
  const { city, state, street, postal_code, country } = address
  return { city, state, street, postal_code, country: country ? (parseCountry(country) ?? null) : null }
}

const nothing: CustomerFields = {
  external_id: null,
  name: null,
  email: '',
  phone_number: '',
  phone_number_country_code: null,
  phone_number_e164: null,
  birth_date: null,
  gender: null,
  remark: null,
  address: null,
  metadata: {},
  search: '',
}

/** A customer's fields after `body` is applied to `before` (nothing, for a new customer). Throws one 422 with every fault. */
export function applyTo(before: CustomerFields | undefined, body: UpdateCustomer, business: Business, at: Date): CustomerFields {
  checked(body, business, at)
  const after = { ...(before ?? nothing) }
  for (const field of ['name', 'email', 'phone_number', 'phone_number_country_code', 'remark', 'birth_date', 'gender'] as const) {
    const value = body[field]
    if (value !== undefined) (after as Record<string, unknown>)[field] = value
  }
  if (body.address !== undefined) after.address = body.address === null ? null : understoodAddress(body.address)
  if (body.metadata !== undefined) after.metadata = merged(after.metadata, body.metadata)
  if (body.external_id && body.external_id !== after.external_id) {
    if (after.external_id !== null) throw invalid({ external_id: ['The external id cannot be changed.'] }, 'external_id_immutable')
    after.external_id = body.external_id
  } else if (body.external_id === null && after.external_id !== null) {
    throw invalid({ external_id: ['The external id cannot be changed.'] }, 'external_id_immutable')
  }
  after.phone_number_e164 = toE164(after.phone_number, after.phone_number_country_code, business.country)
  after.search = searchTextOf([after.name, after.email, after.phone_number, digitsBeyond(after)])
  return after
}

/** The E.164 digits where they say more than the number as sent, so that both spellings are found. */
function digitsBeyond({ phone_number, phone_number_e164 }: CustomerFields): string | null {
  const digits = phone_number_e164?.slice(1)
  return digits === undefined || digits === phone_number ? null : digits
}

function merged(before: Record<string, string>, changes: Record<string, string | null> | null): Record<string, string> {
  if (changes === null) return {}
  const after: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete after[name]
    else after[name] = value
  }
  if (Object.keys(after).length > maxMetadataKeys) throw invalid({ metadata: [`The metadata may not have more than ${maxMetadataKeys} items.`] })
  return after
}

const shown = ['external_id', 'name', 'email', 'phone_number', 'phone_number_country_code', 'phone_number_e164', 'birth_date', 'gender', 'remark'] as const

/** The fields in which two states differ, with their values before, as `previous_attributes` of an event; null when none does. */
export function previousAttributes(before: CustomerFields, after: CustomerFields): Record<string, unknown> | null {
  const previous: Record<string, unknown> = {}
  for (const field of shown) if (before[field] !== after[field]) previous[field] = before[field]
  if (!sameRecord(before.address, after.address)) previous.address = before.address
  const metadata: Record<string, string | null> = {}
  for (const name of new Set([...Object.keys(before.metadata), ...Object.keys(after.metadata)])) {
    if (before.metadata[name] !== after.metadata[name]) metadata[name] = before.metadata[name] ?? null
  }
  if (Object.keys(metadata).length > 0) previous.metadata = metadata
  return Object.keys(previous).length > 0 ? previous : null
}

function sameRecord(a: Record<string, string | null> | null, b: Record<string, string | null> | null): boolean {
  if (a === null || b === null) return a === b
  return Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => a[name] === b[name])
}
