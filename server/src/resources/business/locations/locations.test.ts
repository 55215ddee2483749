import { recordsConformance } from '#engine/records/conformance.ts'
import { aBusiness } from '#testing/api.ts'

recordsConformance({
  path: '/v1/locations',
  name: 'Location',
  aClient: () => aBusiness(),
  anId: async (client) => (await client.get('/v1/locations')).json[0].id,
  list: 'array',
})
