import { type Static, Type } from 'typebox'
import type { Kind } from '#engine/records/kind.ts'
import { tables } from '#foundation/database/columns.ts'
import { formatUtcMicroseconds } from '#foundation/shared/time.ts'
import type { LocationRow } from './queries.ts'

/** A location of a business (behaviour §7.7), the same by itself and inside a payment request. */
export const Location = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    street: Type.String(),
    postal_code: Type.String(),
    city: Type.String(),
    state: Type.String(),
    country: Type.String({ description: 'ISO 3166-1 alpha-2, in lower case.' }),
    created_at: Type.String({ description: 'In UTC, with microseconds.' }),
    updated_at: Type.String({ description: 'In UTC, with microseconds.' }),
    active: Type.Boolean(),
    business_id: Type.String({ format: 'uuid' }),
    pickups: Type.Array(Type.Unsafe<never>({}), { description: 'Always empty.' }),
  },
  { title: 'Location' },
)
export type Location = Static<typeof Location>

/** A location as the API returns it. */
export function presentLocation(row: LocationRow): Location {
  return {
    id: row.id,
    name: row.name,
    street: row.street,
    postal_code: row.postal_code,
    city: row.city,
    state: row.state,
    country: row.country,
    created_at: formatUtcMicroseconds(row.created_at),
    updated_at: formatUtcMicroseconds(row.updated_at),
    active: row.active,
    business_id: row.business_id,
    pickups: [],
  }
}

export const locationKind: Kind<LocationRow> = { name: 'Location', table: tables.locations, path: '/v1/locations', present: presentLocation }
