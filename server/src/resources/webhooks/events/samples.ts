import { customerBody } from '#testing/api.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: {
    event_id: async (client) => {
      await client.post('/v1/customers', customerBody())
      return (await client.get('/v1/events')).json.data[0].id
    },
  },
}
