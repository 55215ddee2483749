import { randomHex } from '#foundation/shared/ids.ts'
import { customerBody } from '#testing/api.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: { customer_id: async (client) => (await client.post('/v1/customers', customerBody())).json.id },
  bodies: {
    createCustomer: () => customerBody({ name: 'Jane' }),
    updateCustomer: () => ({ name: `Jane ${randomHex(2)}` }),
    upsertCustomer: () => ({ name: `Jane ${randomHex(2)}` }),
  },
}
