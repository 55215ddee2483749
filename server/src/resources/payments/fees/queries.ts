import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'
import type { Currency } from '#foundation/shared/money.ts'

/** What a method costs the merchant: a fixed part and a share, and how long the rail keeps the money. */
export interface FeeSchedule {
  fixedMinor: bigint
  /** Hundredths of a percent. */
  rateBasisPoints: number
  /** Days until the money is available; 0 is immediately. */
  releaseDays: number
  /** Smaller amounts cost this instead. */
  below?: { amountMinor: bigint; rateBasisPoints: number; minimumMinor: bigint }
}

/** A schedule that a business has set itself. */
export interface OwnFeeSchedule {
  businessId: string
  method: string
  currency: Currency
  schedule: FeeSchedule
}

type FeeScheduleRow = Omit<RowOf<'fee_schedules'>, 'updated_at'>

/** The schedules that businesses have set themselves, in one query; ordered by method and currency. */
export async function findOwnFeeSchedules(db: Db, businessIds: string[]): Promise<OwnFeeSchedule[]> {
  const { rows } = await runPrepared(
    db,
    'fee_schedules',
    sql<FeeScheduleRow>`
    select business_id, method, currency, fixed_minor, rate_basis_points, release_days from fee_schedules
    where business_id = any (${[...new Set(businessIds)]}::uuid[]) order by business_id, method, currency`,
  )
  return rows.map(({ business_id: businessId, method, currency, fixed_minor: fixedMinor, rate_basis_points: rateBasisPoints, release_days: releaseDays }) => ({
    businessId,
    method,
    currency,
    schedule: { fixedMinor, rateBasisPoints, releaseDays },
  }))
}

/** Writes a business's own schedule of a method and currency, replacing an earlier one. */
export async function saveFeeSchedule(tx: Db, { businessId, method, currency, schedule }: OwnFeeSchedule, at: Date): Promise<void> {
  const { fixedMinor, rateBasisPoints, releaseDays } = schedule
  const set = { fixed_minor: fixedMinor, rate_basis_points: rateBasisPoints, release_days: releaseDays, updated_at: at }
  await tx
    .insertInto('fee_schedules')
    .values({ business_id: businessId, method, currency, ...set })
    .onConflict((conflict) => conflict.columns(['business_id', 'method', 'currency']).doUpdateSet(set))
    .execute()
}
