import { tables } from '#foundation/database/columns.ts'
import { blankRow } from '#foundation/database/rows.ts'
import type { Business } from '#foundation/shared/business.ts'
import { parseCountry } from '#foundation/shared/countries.ts'
import { type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { toE164 } from '#foundation/shared/phone.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { businessDay, isCalendarDay } from '#foundation/shared/time.ts'
import type { CustomerFields, CustomerRow } from './queries.ts'
import { type Address, editable, type UpdateCustomer } from './wire.ts'

/** Limits of metadata; the same as those of comparable APIs. */
const maxMetadataKeys = 50
const tooMuchMetadata = `The metadata may not have more than ${maxMetadataKeys} items.`

/**
 * HitPay's command line sends other names than its API accepts (`phone`, and the address at the top level, behaviour
 * §7.4). Documented names take precedence if both are given. Runs before validation, so that both are validated alike.
 */
export function acceptOtherDialect(body: Record<string, unknown>): Record<string, unknown> {
  const { phone, street, zip_code, ...out } = body
  if (phone !== undefined && out.phone_number === undefined) out.phone_number = phone
  if (out.address !== undefined || (street === undefined && zip_code === undefined)) return out
  const { city, state, postal_code, country, ...others } = out
  return { ...others, address: { city, state: state ?? city, street, postal_code: postal_code ?? zip_code, country } }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Errors that a schema cannot express: calendar dates, countries, the number of metadata keys. Accepts bodies of any shape. */
export function customerFaults(body: unknown, business: Business, at: Date): FieldErrors {
  const errors: FieldErrors = {}
  const { birth_date, address, metadata } = isRecord(body) ? body : {}
  if (typeof birth_date === 'string') {
    if (!isCalendarDay(birth_date)) errors.birth_date = ['The birth date does not match the format Y-m-d.']
    else if (birth_date > businessDay(at, business.timezone)) errors.birth_date = ['The birth date must be a date before or equal to today.']
  }
  const country = isRecord(address) ? address.country : undefined
  if (typeof country === 'string' && country !== '' && parseCountry(country) === undefined)
    errors['address.country'] = ['The selected address.country is invalid.']
  if (isRecord(metadata) && Object.values(metadata).filter((value) => value !== null).length > maxMetadataKeys) errors.metadata = [tooMuchMetadata]
  return errors
}

function addressOf(address: Address): CustomerFields['address'] {
  const { city, state, street, postal_code, country } = address
  return { city, state, street, postal_code, country: country ? (parseCountry(country) ?? null) : null }
}

const blank: CustomerFields = { ...blankRow<CustomerRow>(tables.customers), email: '', phone_number: '', metadata: {}, search: '', search_grams: [] }

/** Fields that are stored as sent; every other one has its rule below. */
const plainFields = (Object.keys(editable) as (keyof typeof editable)[]).filter((name) => name !== 'address' && name !== 'metadata')

/** A customer's fields after `body` is applied to `before` (nothing, for a new customer). Throws one 422 with every error. */
export function applyCustomer(before: CustomerFields | undefined, body: UpdateCustomer, business: Business, at: Date): CustomerFields {
  const errors = customerFaults(body, business, at)
  const after = { ...(before ?? blank) }
  for (const field of plainFields) if (body[field] !== undefined) (after as Record<string, unknown>)[field] = body[field]
  if (body.address !== undefined) after.address = body.address === null ? null : addressOf(body.address)
  if (body.metadata !== undefined) after.metadata = merged(after.metadata, body.metadata)
  if (Object.keys(after.metadata).length > maxMetadataKeys) errors.metadata = [tooMuchMetadata]
  if (body.external_id !== undefined && body.external_id !== after.external_id) {
    if (after.external_id !== null) errors.external_id = ['The external id cannot be changed.']
    after.external_id = body.external_id
  }
  const wrong = Object.keys(errors)
  if (wrong.length > 0) throw invalid(errors, wrong.length === 1 && wrong[0] === 'external_id' ? 'external_id_immutable' : undefined)
  after.phone_number_e164 = toE164(after.phone_number, after.phone_number_country_code, business.country)
  after.search = searchTextOf([after.name, after.email, after.phone_number, digitsBeyond(after)])
  after.search_grams = gramsOf(after.search, business.id)
  return after
}

/** The E.164 digits if they say more than the number as sent, so that both formats are found. */
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
  return after
}
