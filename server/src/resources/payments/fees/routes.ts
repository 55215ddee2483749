import { Type } from 'typebox'
import { findMethod } from '#engine/rails/methods.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { parseAmount, parseCurrency, requireAmount } from '#foundation/shared/money.ts'
import { defaultSchedules } from './fees.ts'
import { type FeeSchedule, findOwnFeeSchedules, saveFeeSchedule } from './queries.ts'
import { FeeMethod, FeeScheduleShown, PutFeeSchedule, presentFeeSchedule } from './wire.ts'

/** Fees per method: the defaults, and those that a business sets instead. They apply to later charges. */
export function feeRoutes(api: Api, { database }: Pick<Deps, 'database'>): void {
  const fees = api.group('Fees')
  fees.read(
    '/v1/fee-schedules',
    { operationId: 'listFeeSchedules', summary: 'List fees by method', answers: { 200: Type.Array(FeeScheduleShown) } },
    async ({ business }) => {
      const own = await findOwnFeeSchedules(database.db, [business.id])
      const isOwn = new Set(own.map(({ method, currency }) => `${method} ${currency}`))
      const others = defaultSchedules(business.currency).filter(({ method, currency }) => !isOwn.has(`${method} ${currency}`))
      const shown = [
        ...own.map(({ method, currency, schedule }) => presentFeeSchedule(method, currency, schedule, false)),
        ...others.map(({ method, currency, schedule }) => presentFeeSchedule(method, currency, schedule, true)),
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
      params: FeeMethod,
      body: PutFeeSchedule,
      answers: { 200: FeeScheduleShown },
    },
    async ({ business, params, body, claim, at }) => {
      const method = params.method ?? ''
      if (!findMethod(method)) throw invalid({ method: ['The selected method is invalid.'] })
      const currency = parseCurrency(body.currency)
      if (!currency) throw invalid({ currency: ['The selected currency is invalid.'] })
      const fixedMinor = requireAmount('fixed', body.fixed, currency)
      // Two decimals of a percent are hundredths of a percent: read as an amount of a currency with two.
      const rate = parseAmount(body.rate, 'sgd')
      if (rate === undefined || rate > 10_000n) throw invalid({ rate: ['The rate must be between 0 and 100, with at most 2 decimals.'] })
      const schedule: FeeSchedule = { fixedMinor, rateBasisPoints: Number(rate), releaseDays: body.release_days }
      return writeOnce(database.db, claim, at, async (tx) => {
        await saveFeeSchedule(tx, { businessId: business.id, method, currency, schedule }, at)
        return { status: 200, body: JSON.stringify(presentFeeSchedule(method, currency, schedule, false)) }
      })
    },
  )
}
