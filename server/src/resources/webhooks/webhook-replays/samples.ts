import { customerBody } from '#testing/api.ts'
import { tellEvents } from '#testing/deliveries.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: {
    // One that is in progress: a business has one at most, and each test cancels it or leaves it.
    webhook_replay_id: async (client) => {
      const { data } = (await client.get('/v1/webhook-replays?per_page=1')).json
      if (data[0]?.status === 'pending') return data[0].id
      const customer = (await client.post('/v1/customers', customerBody())).text
      await tellEvents(
        client,
        Array.from({ length: 101 }, () => ({ type: 'customer.created' as const, data: customer })),
      )
      return (await client.post('/v1/webhook-deliveries/replay', { event_type: 'customer.created' })).json.id
    },
  },
  bodies: { replayEvents: () => ({ event_type: 'charge.created' }) },
  actions: ['replayEvents', 'cancelWebhookReplay'],
}
