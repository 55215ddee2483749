import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: { location_id: async (client) => (await client.get('/v1/locations')).json[0].id },
}
