import { randomHex } from '#foundation/shared/ids.ts'
import { aPng } from '#testing/pictures.ts'
import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  bodies: {
    updateCheckoutSettings: () => ({ display_name: `Shop ${randomHex(2)}`, primary_color: '#0f766e' }),
    putCheckoutLogo: () => ({ content_type: 'image/png', data: aPng().toString('base64') }),
  },
  actions: ['putCheckoutLogo'],
}
