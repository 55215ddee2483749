import { ownValue } from '@hawker/web/own-value'
import type { Db } from '#foundation/database/database.ts'
import type { Currency } from '#foundation/shared/money.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { type FeeSchedule, findOwnFeeSchedules } from './queries.ts'

/** A fee in minor units: the fixed part, the share, and the rate of the share in hundredths of a percent. */
export interface Fee {
  fixedMinor: bigint
  shareMinor: bigint
  rateBasisPoints: number
}

type Price = [fixedMinor: bigint, rateBasisPoints: number, releaseDays: number]

/** Public prices (behaviour §5.4) as realistic defaults; a business sets its own. */
const defaults: Record<string, Record<string, Price>> = {
  card: { sgd: [50n, 365, 2], myr: [100n, 300, 2], '*': [0n, 365, 2] },
  paynow_online: { sgd: [30n, 65, 0] },
  grabpay_direct: { sgd: [0n, 300, 0], myr: [0n, 200, 0] },
  grabpay_paylater: { sgd: [0n, 550, 0] },
  shopee_pay: { sgd: [0n, 300, 0], myr: [0n, 220, 0], '*': [0n, 300, 0] },
  atome: { sgd: [0n, 550, 0] },
  shopback_qr: { sgd: [20n, 390, 0] },
  wechat_pay: { '*': [0n, 150, 0] },
  wechat: { '*': [0n, 150, 0] },
  alipay: { '*': [0n, 150, 0] },
  upi_qr: { '*': [0n, 200, 0] },
  giro: { sgd: [225n, 65, 0] },
  fpx: { myr: [40n, 180, 0] },
  touch_n_go: { myr: [0n, 190, 0] },
  duitnow: { myr: [0n, 120, 0] },
  cash: { '*': [0n, 0, 0] },
}
/** The price of every other method. */
const otherPrice: Price = [0n, 150, 0]

/** PayNow in Singapore: below 100.00 no fixed part, 0.9 % and at least 0.20 (behaviour §5.4). */
const payNowBelow = { amountMinor: 10_000n, rateBasisPoints: 90, minimumMinor: 20n }

function defaultFor(method: string, currency: Currency): FeeSchedule {
  const ofMethod = ownValue(defaults, method)
  const [fixedMinor, rateBasisPoints, releaseDays] = (ofMethod && (ownValue(ofMethod, currency) ?? ofMethod['*'])) ?? otherPrice
  const schedule = { fixedMinor, rateBasisPoints, releaseDays }
  return method === 'paynow_online' && currency === 'sgd' ? { ...schedule, below: payNowBelow } : schedule
}

/** The schedules that apply if a business has none of its own; one for any currency is returned in the business's. */
export function defaultSchedules(home: Currency): { method: string; currency: Currency; schedule: FeeSchedule }[] {
  return Object.entries(defaults).flatMap(([method, byCurrency]) => {
    const named = Object.keys(byCurrency).filter((currency) => currency !== '*')
    const shown = '*' in byCurrency && !named.includes(home) ? [...named, home] : named
    return shown.map((currency) => ({ method, currency, schedule: defaultFor(method, currency) }))
  })
}

/** The schedules of businesses, as a function of method and currency; one query for all of them. */
export async function feeSchedules(db: Db, businessIds: string[]): Promise<(businessId: string, method: string, currency: Currency) => FeeSchedule> {
  const own = new Map((await findOwnFeeSchedules(db, businessIds)).map((found) => [`${found.businessId} ${found.method} ${found.currency}`, found.schedule]))
  return (businessId, method, currency) => own.get(`${businessId} ${method} ${currency}`) ?? defaultFor(method, currency)
}

/**
 * The fee on an amount. The share is rounded down to minor units, as in HitPay's examples (behaviour §5.4), and both
 * parts together never exceed the amount.
 */
export function feeOn(amountMinor: bigint, { fixedMinor, rateBasisPoints, below }: FeeSchedule): Fee {
  if (below && amountMinor < below.amountMinor) {
    const share = (amountMinor * BigInt(below.rateBasisPoints)) / 10_000n
    const atLeast = share > below.minimumMinor ? share : below.minimumMinor
    return { fixedMinor: 0n, shareMinor: atLeast < amountMinor ? atLeast : amountMinor, rateBasisPoints: below.rateBasisPoints }
  }
  const fixed = fixedMinor < amountMinor ? fixedMinor : amountMinor
  const share = (amountMinor * BigInt(rateBasisPoints)) / 10_000n
  const left = amountMinor - fixed
  return { fixedMinor: fixed, shareMinor: share < left ? share : left, rateBasisPoints }
}

/**
 * What payers of a request bear on top of `amountMinor` by a method: nothing, the fee in its code, or the fee of
 * the current schedule.
 */
export async function adminFeeOn(
  db: Db,
  request: Pick<PaymentRequestRow, 'business_id' | 'add_admin_fee' | 'admin_fee_minor' | 'amount_minor' | 'currency'>,
  method: string,
  amountMinor: bigint,
): Promise<bigint> {
  if (!request.add_admin_fee) return 0n
  if (request.admin_fee_minor !== null && amountMinor === request.amount_minor) return request.admin_fee_minor
  const schedules = await feeSchedules(db, [request.business_id])
  const { fixedMinor, shareMinor } = feeOn(amountMinor, schedules(request.business_id, method, request.currency))
  return fixedMinor + shareMinor
}
