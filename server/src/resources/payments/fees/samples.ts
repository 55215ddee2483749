import type { Samples } from '#testing/samples.ts'

export const samples: Samples = {
  makers: { method: () => 'card' },
  bodies: { putFeeSchedule: () => ({ currency: 'sgd', fixed: 0.5, rate: 2.8, release_days: 2 }) },
  actions: ['putFeeSchedule'],
}
