import { customerBody } from '#testing/api.ts'
import { anEndpoint } from '#testing/deliveries.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: {
    webhook_delivery_id: async (client) => {
      const endpoint = await anEndpoint(client, 'http://127.0.0.1:9/hook')
      await client.post('/v1/customers', customerBody())
      await client.get('/v1/events')
      return (await client.get(`/v1/webhook-deliveries?endpoint_id=${endpoint.id}`)).json.data[0].id
    },
  },
  bodies: { verifySignature: () => ({ body: '{}', salt: 'salt' }) },
  actions: ['verifySignature'],
}
