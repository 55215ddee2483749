import { randomHex } from '#foundation/shared/ids.ts'
import { aPaidRequest } from '#testing/payments.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: {
    request_id: async (client) => (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json.id,
    payment_request_id: async (client, operationId) => {
      if (operationId === 'refundPaymentRequest') return (await aPaidRequest(client)).requestId
      return (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json.id
    },
  },
  bodies: {
    createPaymentRequest: () => ({ amount: '10.00', currency: 'sgd', name: 'Jane' }),
    updatePaymentRequest: () => ({ amount: '12.50', currency: 'sgd' }),
    patchPaymentRequest: () => ({ name: `Jane ${randomHex(2)}` }),
  },
}
