import { type Static, Type } from 'typebox'
import type { GroupedKind } from '#engine/records/create-together.ts'
import { tables } from '#foundation/database/columns.ts'
import { CursorPage, longText, nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { CustomerRow } from './queries.ts'

export const Address = Type.Object(
  {
    city: plainText(255, { minLength: 1 }),
    state: plainText(255, { minLength: 1 }),
    street: plainText(255, { minLength: 1 }),
    postal_code: plainText(32, { minLength: 1 }),
    country: Type.Optional(nullable(plainText(64, { description: 'ISO 3166-1 code of two or three letters; returned as two letters in upper case.' }))),
  },
  { title: 'Address' },
)
export type Address = Static<typeof Address>

const metadataValue = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 500, pattern: '^[^\\p{Cc}\\p{Cs}]*$' })

/** What clients may send of a customer, except for its external id. A field here and in `Customer` is stored and returned; `rules.ts` has further rules for some of them. */
export const editable = {
  name: nullable(plainText(255, { description: 'Full name.' })),
  email: Type.String({ format: 'email', maxLength: 255, minLength: 1, description: 'Email address; several customers may share one.' }),
  phone_number: plainText(32, { minLength: 1, description: 'Phone number, stored as sent.' }),
  phone_number_country_code: nullable(
    Type.String({ maxLength: 5, pattern: '^\\+?[0-9]{1,4}$', description: 'Country calling code of the phone number, for example 65.' }),
  ),
  remark: nullable(longText(255, { description: 'A note for staff.' })),
  birth_date: nullable(Type.String({ maxLength: 32, description: 'Date of birth, YYYY-MM-DD, not in the future.' })),
  gender: nullable(plainText(32)),
  address: Type.Unsafe<Address | null>({ ...Address, type: ['object', 'null'], description: 'Postal address; `null` removes it.' }),
  metadata: Type.Unsafe<Record<string, string | null> | null>({
    type: ['object', 'null'],
    additionalProperties: metadataValue,
    propertyNames: { pattern: '^[^\\p{Cc}\\p{Cs}]{1,40}$' },
    description:
      'Up to 50 key-value pairs of text, with keys of up to 40 and values of up to 500 characters. On update, `null` removes a key, and keys that are not sent stay.',
  }),
}

const externalId = plainText(255, {
  minLength: 1,
  description: 'Your own id for the customer: unique within your business, set once, usable in paths as `ext:<id>`.',
})

/** The body of `PATCH`; absent fields stay unchanged. */
export const UpdateCustomer = Type.Object({
  ...Type.Partial(Type.Object(editable)).properties,
  external_id: Type.Optional(nullable(externalId)),
})
export type UpdateCustomer = Static<typeof UpdateCustomer>

/** The body of `POST` (contract: email and phone number are required). */
export const CreateCustomer = Type.Object(
  { ...UpdateCustomer.properties, email: editable.email, phone_number: editable.phone_number },
  {
    examples: [
      {
        name: 'John Doe',
        email: 'jsmith@example.com',
        phone_number: '91234567',
        phone_number_country_code: '65',
        remark: 'VIP',
        birth_date: '2023-12-25',
        gender: 'male',
        address: { city: 'Singapore', state: 'Singapore', street: '1 Keong Saik Road', postal_code: '089109', country: 'SG' },
      },
    ],
  },
)
export type CreateCustomer = Static<typeof CreateCustomer>

const text = (description?: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], ...(description ? { description } : {}) })

/** A customer as every operation returns it: HitPay's eleven fields, then ours. */
export const Customer = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: text(),
    birth_date: text(),
    gender: text(),
    email: Type.String(),
    phone_number: Type.String(),
    address: Type.Unsafe<Address | null>({
      type: ['object', 'null'],
      properties: {
        city: { type: 'string' },
        state: { type: 'string' },
        street: { type: 'string' },
        postal_code: { type: 'string' },
        country: { type: ['string', 'null'] },
      },
      required: ['city', 'state', 'street', 'postal_code', 'country'],
    }),
    remark: text(),
    phone_number_country_code: text(),
    created_at: Type.String({ description: "In the business's time zone, with its UTC offset." }),
    updated_at: Type.String({ description: "In the business's time zone, with its UTC offset." }),
    external_id: text('Your own id for the customer.'),
    phone_number_e164: text('The phone number in E.164 format, if it can be parsed.'),
    metadata: Type.Record(Type.String(), Type.String()),
  },
  { title: 'Customer' },
)
export type Customer = Static<typeof Customer>

export const CustomerPage = CursorPage(Customer, 'CustomerPage')

export const CustomerId = Type.Object({ customer_id: Type.String({ description: "The customer's id, or `ext:` followed by your own id." }) })

export const ListCustomers = Type.Object({
  page: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: 'Page number, as far as row 10,000; a cursor has no such limit and costs the same on every page.',
    }),
  ),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048, description: 'The `meta.next_cursor` or `meta.prev_cursor` of another page.' })),
  keywords: Type.Optional(
    plainText(255, {
      description: 'Parts of a name, email address or phone number, separated by commas; all must match. One or two letters match only at the start of a word.',
    }),
  ),
  email: Type.Optional(plainText(255, { description: 'Exact email address, case-insensitive.' })),
  phone_number: Type.Optional(plainText(32, { description: 'Exact phone number, as sent or in E.164 format.' })),
  external_id: Type.Optional(plainText(255)),
  metadata: Type.Optional(Type.Record(Type.String(), plainText(500), { description: '`metadata[name]=value`; several filters must all match.' })),
  created_from: Type.Optional(plainText(40, { description: "A date (in the business's time zone) or a timestamp." })),
  created_to: Type.Optional(plainText(40, { description: 'A date (inclusive) or a timestamp.' })),
  order_by: Type.Optional(
    Type.Object(
      { name: Type.Optional(Type.Enum(['asc', 'desc'])), created_at: Type.Optional(Type.Enum(['asc', 'desc'])) },
      { additionalProperties: false, description: '`order_by[name]=asc`; newest first by default.' },
    ),
  ),
})
export type ListCustomers = Static<typeof ListCustomers>

export const upsertHeaders = {
  'if-none-match': Type.Optional(Type.String({ description: '`*`: only create; 412 if the customer already exists.' })),
}

/** A customer's JSON without its times, as PostgreSQL builds it for lists, with the times inserted; the only place that knows their format. */
export function completeJson(json: string, createdAt: number, updatedAt: number, business: Business): string {
  const times = `,"created_at":"${formatBusinessTime(createdAt, business.timezone)}","updated_at":"${formatBusinessTime(updatedAt, business.timezone)}"`
  return `${json.slice(0, -1)}${times}}`
}

type ShownColumn = Exclude<keyof Customer, 'created_at' | 'updated_at'>

/** The columns that are returned as stored, in the order in which they are returned. */
export const shownColumns = (Object.keys(Customer.properties) as (keyof Customer)[]).filter(
  (name): name is ShownColumn => name !== 'created_at' && name !== 'updated_at',
)

/** Every field in the order in which it is shown: a copy of it costs a fraction of an object that is put together name by name. */
const template = Object.fromEntries([...shownColumns, 'created_at', 'updated_at'].map((name) => [name, null]))

/** A customer as the API returns it. */
export function presentCustomer(row: CustomerRow, { timezone }: Business): Customer {
  const shown: Record<string, unknown> = { ...template }
  for (const name of shownColumns) shown[name] = row[name]
  const created = formatBusinessTime(row.created_at, timezone)
  shown.created_at = created
  shown.updated_at = row.updated_at === row.created_at ? created : formatBusinessTime(row.updated_at, timezone)
  return shown as Pick<CustomerRow, ShownColumn> & Record<'created_at' | 'updated_at', string>
}

export const customerKind: GroupedKind<CustomerRow> = {
  name: 'Customer',
  table: tables.customers,
  path: '/v1/customers',
  events: 'customer',
  unique: 'external_id',
  taken: { customers_external_id: 'external_id' },
  derived: ['search', 'search_grams'],
  maps: ['metadata'],
  present: presentCustomer,
}
