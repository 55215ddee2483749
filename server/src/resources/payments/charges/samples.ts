import { aPaidRequest } from '#testing/payments.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: { charge_id: async (client) => (await aPaidRequest(client)).chargeId },
}
