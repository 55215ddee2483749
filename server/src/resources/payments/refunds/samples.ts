import type { Client } from '#testing/api.ts'
import { aPaidRequest } from '#testing/payments.ts'
import type { Samples } from '#testing/samples.ts'

const refund = async (client: Client) => ({ payment_id: (await aPaidRequest(client)).chargeId, amount: 1 })

export const samples: Samples = {
  makers: { refund_id: async (client) => (await client.post('/v1/refunds', await refund(client))).json.id },
  bodies: { createRefund: refund, createRefundToo: refund, refundPaymentRequest: () => ({ amount: 1 }) },
  actions: ['createRefund', 'createRefundToo', 'refundPaymentRequest'],
}
