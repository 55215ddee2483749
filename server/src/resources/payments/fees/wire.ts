import { type Static, Type } from 'typebox'
import { plainText } from '#foundation/http/schemas.ts'
import { amountAsNumber, type Currency } from '#foundation/shared/money.ts'
import type { FeeSchedule } from './queries.ts'

/** What a method costs the merchant, as the API returns it. */
export const FeeScheduleShown = Type.Object(
  {
    method: Type.String(),
    currency: Type.String(),
    fixed: Type.Number({ description: 'In major units.' }),
    rate: Type.Number({ description: 'In percent.' }),
    release_days: Type.Integer({ description: 'Days until the money becomes available.' }),
    is_default: Type.Boolean(),
    below: Type.Unsafe<{ amount: number; rate: number; minimum: number } | null>({
      type: ['object', 'null'],
      properties: { amount: { type: 'number' }, rate: { type: 'number' }, minimum: { type: 'number' } },
      required: ['amount', 'rate', 'minimum'],
      description: 'For amounts below `amount`, the fee is `rate` percent and at least `minimum` instead.',
    }),
  },
  { title: 'FeeSchedule' },
)
export type FeeScheduleShown = Static<typeof FeeScheduleShown>

export const PutFeeSchedule = Type.Object(
  {
    currency: plainText(3, { minLength: 3 }),
    fixed: Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 20 }),
    rate: Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 20, description: 'In percent, with up to two decimals.' }),
    release_days: Type.Integer({ minimum: 0, maximum: 30 }),
  },
  { examples: [{ currency: 'sgd', fixed: 0.5, rate: 2.8, release_days: 2 }] },
)

export const FeeMethod = Type.Object({ method: plainText(64, { pattern: '^[a-z0-9_]{1,64}$' }) })

export function presentFeeSchedule(
  method: string,
  currency: Currency,
  { fixedMinor, rateBasisPoints, releaseDays, below }: FeeSchedule,
  isDefault: boolean,
): FeeScheduleShown {
  return {
    method,
    currency,
    fixed: amountAsNumber(fixedMinor, currency),
    rate: rateBasisPoints / 100,
    release_days: releaseDays,
    is_default: isDefault,
    below: below
      ? { amount: amountAsNumber(below.amountMinor, currency), rate: below.rateBasisPoints / 100, minimum: amountAsNumber(below.minimumMinor, currency) }
      : null,
  }
}
