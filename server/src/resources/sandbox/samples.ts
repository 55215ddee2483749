import type { Client } from '#testing/api.ts'
import type { Samples } from '#testing/samples.ts'

async function aCode(client: Client): Promise<string> {
  const body = { amount: '10.00', currency: 'sgd', payment_methods: ['paynow_online'], generate_qr: true }
  return (await client.post('/v1/payment-requests', body)).json.qr_code_data.qr_code
}

export const samples: Samples = {
  bodies: {
    paySandboxPaymentRequest: () => ({ method: 'paynow_online' }),
    answerSandboxPayment: () => ({ outcome: 'declined' }),
    paySandboxCode: async (client) => ({ qr_code: await aCode(client) }),
  },
  actions: ['paySandboxPaymentRequest', 'answerSandboxPayment', 'paySandboxCode'],
}
