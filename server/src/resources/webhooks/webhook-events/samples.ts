import type { Samples } from '#testing/samples.ts'

const webhookEvent = () => ({ name: 'Shop', url: 'http://127.0.0.1:9/hook' })

export const samples: Samples = {
  makers: { webhook_event_id: async (client) => (await client.post('/v1/webhook-events', webhookEvent())).json.id },
  bodies: { createWebhookEvent: webhookEvent, updateWebhookEvent: webhookEvent, patchWebhookEvent: () => ({ name: 'Other shop' }) },
}
