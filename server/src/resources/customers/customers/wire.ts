import { type Static, Type } from 'typebox'
import type { Business } from '#foundation/http/authentication.ts'
import { CursorPage, longText, nullable, plainText } from '#foundation/http/schemas.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { CustomerRow } from './queries.ts'

export const Address = Type.Object(
  {
    city: plainText(255, { minLength: 1 }),
    state: plainText(255, { minLength: 1 }),
    street: plainText(255, { minLength: 1 }),
    postal_code: plainText(32, { minLength: 1 }),
    country: Type.Optional(nullable(plainText(64, { description: 'ISO 3166-1: two letters, or three; answered as two, in upper case.' }))),
  },
  { title: 'Address' },
)
export type Address = Static<typeof Address>

const metadataValue = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 500, pattern: '^[^\\p{Cc}\\p{Cs}]*$' })

const editable = {
  name: nullable(plainText(255, { description: 'Full name.' })),
  email: Type.String({ format: 'email', maxLength: 255, minLength: 1, description: 'E-mail address. Two customers may share one.' }),
  phone_number: plainText(32, { minLength: 1, description: 'Phone number, kept as it was sent.' }),
  phone_number_country_code: nullable(Type.String({ pattern: '^\\+?[0-9]{1,4}$', description: 'Calling code of the phone number, for example 65.' })),
  remark: nullable(longText(255, { description: 'A note for staff.' })),
  birth_date: nullable(Type.String({ maxLength: 32, description: 'Day of birth, YYYY-MM-DD, not in the future.' })),
  gender: nullable(plainText(32)),
  address: Type.Unsafe<Address | null>({ ...Address, type: ['object', 'null'], description: 'Postal address; null takes it away.' }),
  metadata: Type.Unsafe<Record<string, string | null> | null>({
    type: ['object', 'null'],
    additionalProperties: metadataValue,
    propertyNames: { pattern: '^[^\\p{Cc}\\p{Cs}]{1,40}$' },
    description: 'Up to 50 texts of your own, names up to 40 and values up to 500 characters. On update a null takes one away, other names stay.',
  }),
}

const externalId = plainText(255, {
  minLength: 1,
  description: 'Your own id of the customer: unique in your business, set once, usable in paths as `ext:<id>`.',
})

/** What `PATCH` takes; what is absent stays as it is. */
export const UpdateCustomer = Type.Object({
  ...Type.Partial(Type.Object(editable)).properties,
  external_id: Type.Optional(nullable(externalId)),
})
export type UpdateCustomer = Static<typeof UpdateCustomer>

/** What `POST` takes (contract: e-mail and phone number are required). */
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

/** A customer as every operation shows it: HitPay's eleven fields, then ours. */
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
    created_at: Type.String({ description: "On the business's clock, with its offset." }),
    updated_at: Type.String({ description: "On the business's clock, with its offset." }),
    external_id: text('Your own id of the customer.'),
    phone_number_e164: text('The phone number in E.164, where it parses.'),
    metadata: Type.Record(Type.String(), Type.String()),
  },
  { title: 'Customer' },
)
export type Customer = Static<typeof Customer>

export const CustomerPage = CursorPage(Customer, 'CustomerPage')

export const CustomerId = Type.Object({ customer_id: Type.String({ description: "The customer's id, or `ext:` and your own id of it." }) })

export const ListCustomers = Type.Object({
  page: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Page number, up to row 10,000; a cursor goes all the way and costs the same everywhere.' }),
  ),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048, description: '`meta.next_cursor` or `meta.prev_cursor` of another page.' })),
  keywords: Type.Optional(
    plainText(255, {
      description:
        'Parts of a name, e-mail address or phone number, separated by commas; all must be found. One or two letters match only where a word begins.',
    }),
  ),
  email: Type.Optional(plainText(255, { description: 'This e-mail address, in either case.' })),
  phone_number: Type.Optional(plainText(32, { description: 'This phone number, as it was sent or in E.164.' })),
  external_id: Type.Optional(plainText(255)),
  metadata: Type.Optional(Type.Record(Type.String(), plainText(500), { description: '`metadata[name]=value`; several are combined with and.' })),
  created_from: Type.Optional(plainText(40, { description: "A day (on the business's clock) or a moment." })),
  created_to: Type.Optional(plainText(40, { description: 'A day, which is included, or a moment.' })),
  order_by: Type.Optional(
    Type.Object(
      { name: Type.Optional(Type.Enum(['asc', 'desc'])), created_at: Type.Optional(Type.Enum(['asc', 'desc'])) },
      { additionalProperties: false, description: '`order_by[name]=asc`; without it the newest come first.' },
    ),
  ),
})
export type ListCustomers = Static<typeof ListCustomers>

export const upsertHeaders = {
  'if-none-match': Type.Optional(Type.String({ description: '`*`: only create; 412 when there is one already.' })),
}

/** A customer's JSON without its times, as PostgreSQL makes it for lists, with the times put in; the only place that knows how they are shown. */
export function completeJson(json: string, createdAt: number, updatedAt: number, business: Business): string {
  const times = `,"created_at":"${formatBusinessTime(createdAt, business.timezone)}","updated_at":"${formatBusinessTime(updatedAt, business.timezone)}"`
  return `${json.slice(0, -1)}${times}}`
}

/** A customer as the API shows it. Names every field, so that a new column is not shown by accident. */
export function presentCustomer(row: CustomerRow, business: Business): Customer {
  return {
    id: row.id,
    name: row.name,
    birth_date: row.birth_date,
    gender: row.gender,
    email: row.email,
    phone_number: row.phone_number,
    address: row.address,
    remark: row.remark,
    phone_number_country_code: row.phone_number_country_code,
    external_id: row.external_id,
    phone_number_e164: row.phone_number_e164,
    metadata: row.metadata,
    created_at: formatBusinessTime(row.created_at, business.timezone),
    updated_at: formatBusinessTime(row.updated_at, business.timezone),
  }
}
