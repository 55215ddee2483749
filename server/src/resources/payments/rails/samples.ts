import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  bodies: { setUpStripe: () => ({ secret_key: 'sk_test_0', webhook_secret: 'whsec_0' }) },
  actions: ['setUpStripe'],
}
