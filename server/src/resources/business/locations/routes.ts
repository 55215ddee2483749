import { Type } from 'typebox'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findLocation, listLocations } from './queries.ts'
import { Location, presentLocation } from './wire.ts'

/** The places of a business, as far as payment requests name them. */
export function locationsRoutes(api: Api, { database }: { database: Database }): void {
  const locations = api.group('Locations')
  locations.read('/v1/locations', { operationId: 'listLocations', summary: 'List locations', answers: { 200: Type.Array(Location) } }, async ({ business }) => {
    const rows = await listLocations(database.db, business.id)
    return { status: 200, body: JSON.stringify(rows.map(presentLocation)) }
  })

  locations.read(
    '/v1/locations/:location_id',
    { operationId: 'getLocation', summary: 'Get a location', answers: { 200: Location } },
    async ({ business, params }) => {
      const id = params.location_id ?? ''
      const row = isUuid(id) ? await findLocation(database.db, business.id, id) : undefined
      if (!row) throw notFound('Location', id)
      return { status: 200, body: JSON.stringify(presentLocation(row)) }
    },
  )
}
