import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Db } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { plainText } from '#foundation/http/schemas.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { amountAsNumber, type Currency, parseAmount, parseCurrency, requireAmount } from '#foundation/shared/money.ts'
import { defaultSchedules, type FeeSchedule } from './fees.ts'

/** What a method costs the merchant, as the API shows it. */
const FeeScheduleShown = Type.Object(
  {
    method: Type.String(),
    currency: Type.String(),
    fixed: Type.Number({ description: 'In major units.' }),
    rate: Type.Number({ description: 'Percent.' }),
    release_days: Type.Integer({ description: 'Days until the money is available.' }),
    is_default: Type.Boolean(),
    below: Type.Unsafe<{ amount: number; rate: number; minimum: number } | null>({
      type: ['object', 'null'],
      properties: { amount: { type: 'number' }, rate: { type: 'number' }, minimum: { type: 'number' } },
      required: ['amount', 'rate', 'minimum'],
      description: 'Amounts below `amount` cost `rate` percent and at least `minimum` instead.',
    }),
  },
  { title: 'FeeSchedule' },
)
type FeeScheduleShown = Static<typeof FeeScheduleShown>

const PutFeeSchedule = Type.Object(
  {
    currency: plainText(3, { minLength: 3 }),
    fixed: Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 20 }),
    rate: Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 20, description: 'Percent, with up to two decimals.' }),
    release_days: Type.Integer({ minimum: 0, maximum: 30 }),
  },
  { examples: [{ currency: 'sgd', fixed: 0.5, rate: 2.8, release_days: 2 }] },
)

const Method = Type.Object({ method: plainText(64, { pattern: '^[a-z0-9_]{1,64}$' }) })

function present(method: string, currency: Currency, { fixedMinor, rateBasisPoints, releaseDays, below }: FeeSchedule, isDefault: boolean): FeeScheduleShown {
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

async function ownSchedules(db: Db, businessId: string): Promise<{ method: string; currency: Currency; schedule: FeeSchedule }[]> {
  const rows = await db.selectFrom('fee_schedules').selectAll().where('business_id', '=', businessId).orderBy('method').orderBy('currency').execute()
  return rows.map((row) => ({
    method: row.method,
    currency: row.currency,
    schedule: { fixedMinor: row.fixed_minor, rateBasisPoints: row.rate_basis_points, releaseDays: row.release_days },
  }))
}

/** Fees per method: the defaults, and what a business sets in their place. They hold for charges from then on. */
export function feeRoutes(api: Api, { database }: Pick<Deps, 'database'>): void {
  const fees = api.group('Fees')
  fees.read(
    '/v1/fee-schedules',
    { operationId: 'listFeeSchedules', summary: 'List fees by method', answers: { 200: Type.Array(FeeScheduleShown) } },
    async ({ business }) => {
      const own = await ownSchedules(database.db, business.id)
      const isOwn = new Set(own.map(({ method, currency }) => `${method} ${currency}`))
      const others = defaultSchedules(business.currency).filter(({ method, currency }) => !isOwn.has(`${method} ${currency}`))
      const shown = [
        ...own.map(({ method, currency, schedule }) => present(method, currency, schedule, false)),
        ...others.map(({ method, currency, schedule }) => present(method, currency, schedule, true)),
      ]
      shown.sort((a, b) => (`${a.method} ${a.currency}` < `${b.method} ${b.currency}` ? -1 : 1))
      return { status: 200, body: JSON.stringify(shown) }
    },
  )

  fees.write(
    'PUT',
    '/v1/fee-schedules/:method',
    {
      operationId: 'putFeeSchedule',
      summary: "Set a method's fee in a currency",
      params: Method,
      body: PutFeeSchedule,
      answers: { 200: FeeScheduleShown },
    },
    async ({ business, params, body, claim, at }) => {
      const currency = parseCurrency(body.currency)
      if (!currency) throw invalid({ currency: ['The selected currency is invalid.'] })
      const fixedMinor = requireAmount('fixed', body.fixed, currency)
      // Two decimals of a percent are hundredths of a percent: read as an amount of a currency with two.
      const rate = parseAmount(body.rate, 'sgd')
      if (rate === undefined || rate > 10_000n) throw invalid({ rate: ['The rate must be between 0 and 100, with at most 2 decimals.'] })
      const schedule: FeeSchedule = { fixedMinor, rateBasisPoints: Number(rate), releaseDays: body.release_days }
      const method = params.method ?? ''
      return writeOnce(database.db, claim, at, async (tx) => {
        await sql`
          insert into fee_schedules (business_id, method, currency, fixed_minor, rate_basis_points, release_days, updated_at)
          values (${business.id}, ${method}, ${currency}, ${String(fixedMinor)}::bigint, ${schedule.rateBasisPoints}, ${schedule.releaseDays}, ${at})
          on conflict (business_id, method, currency) do update set fixed_minor = excluded.fixed_minor,
            rate_basis_points = excluded.rate_basis_points, release_days = excluded.release_days, updated_at = excluded.updated_at`.execute(tx)
        return { status: 200, body: JSON.stringify(present(method, currency, schedule, false)) }
      })
    },
  )
}
