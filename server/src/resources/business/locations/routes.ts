import { Type } from 'typebox'
import { records } from '#engine/records/records.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { Location, locationKind } from './wire.ts'

/** The locations of a business, to which payment requests refer. */
export function locationsRoutes(api: Api, deps: Deps): void {
  const locations = api.group('Locations')
  const { get, listAll } = records(deps, locationKind)
  locations.read('/v1/locations', { operationId: 'listLocations', summary: 'List locations', answers: { 200: Type.Array(Location) } }, (call) => listAll(call))
  locations.read('/v1/locations/:location_id', { operationId: 'getLocation', summary: 'Get a location', answers: { 200: Location, 304: null } }, get)
}
