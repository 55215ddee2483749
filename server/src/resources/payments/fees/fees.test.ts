import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { testDatabase } from '#testing/database.ts'
import { adminFeeOn, defaultSchedules, feeOn } from './fees.ts'

/** The price list of behaviour §5.4: fixed part in minor units, rate in hundredths of a percent, days until the money is released. */
const prices: [method: string, currency: string, fixedMinor: bigint, rateBasisPoints: number, releaseDays: number][] = [
  ['card', 'sgd', 50n, 365, 2],
  ['card', 'myr', 100n, 300, 2],
  ['paynow_online', 'sgd', 30n, 65, 0],
  ['grabpay_direct', 'sgd', 0n, 300, 0],
  ['grabpay_direct', 'myr', 0n, 200, 0],
  ['grabpay_paylater', 'sgd', 0n, 550, 0],
  ['shopee_pay', 'sgd', 0n, 300, 0],
  ['shopee_pay', 'myr', 0n, 220, 0],
  ['atome', 'sgd', 0n, 550, 0],
  ['shopback_qr', 'sgd', 20n, 390, 0],
  ['giro', 'sgd', 225n, 65, 0],
  ['fpx', 'myr', 40n, 180, 0],
  ['touch_n_go', 'myr', 0n, 190, 0],
  ['duitnow', 'myr', 0n, 120, 0],
]
/** Prices for every currency that has none of its own; a list of prices shows them in the business's. */
const anyCurrency: [method: string, rateBasisPoints: number, releaseDays: number][] = [
  ['card', 365, 2],
  ['shopee_pay', 300, 0],
  ['wechat_pay', 150, 0],
  ['wechat', 150, 0],
  ['alipay', 150, 0],
  ['upi_qr', 200, 0],
  ['cash', 0, 0],
]

const listed = (home: string) =>
  defaultSchedules(home).map(({ method, currency, schedule }) => [method, currency, schedule.fixedMinor, schedule.rateBasisPoints, schedule.releaseDays])

describe('default prices', () => {
  test('a business in another currency is shown the prices in SGD and MYR, and those of any currency in its own', () => {
    const expected = [...prices, ...anyCurrency.map(([method, rate, days]) => [method, 'php', 0n, rate, days])]
    expect(listed('php')).toHaveLength(expected.length)
    expect(listed('php')).toEqual(expect.arrayContaining(expected))
  })

  test('a business in SGD is shown no second price for a method that has one in SGD', () => {
    const expected = [
      ...prices,
      ...anyCurrency.filter(([method]) => !/^(card|shopee_pay)$/.test(method)).map(([method, rate, days]) => [method, 'sgd', 0n, rate, days]),
    ]
    expect(listed('sgd')).toHaveLength(expected.length)
    expect(listed('sgd')).toEqual(expect.arrayContaining(expected))
  })

  test('only PayNow in SGD costs less below an amount', () => {
    expect(defaultSchedules('sgd').flatMap(({ method, currency, schedule }) => (schedule.below ? [[method, currency]] : []))).toEqual([
      ['paynow_online', 'sgd'],
    ])
  })
})

describe('fees', () => {
  const payNow = defaultSchedules('sgd').find(({ method }) => method === 'paynow_online')?.schedule ?? { fixedMinor: 0n, rateBasisPoints: 0, releaseDays: 0 }

  test.each([
    // 0.9 % and at least 0.20 below 100.00; 0.30 and 0.65 % from there.
    [10n, 0n, 10n, 90],
    [20n, 0n, 20n, 90],
    [2_222n, 0n, 20n, 90],
    [2_400n, 0n, 21n, 90],
    [9_999n, 0n, 89n, 90],
    [10_000n, 30n, 65n, 65],
    [10_001n, 30n, 65n, 65],
    [20_000n, 30n, 130n, 65],
  ])('a fee of PayNow on %s minor units is %s and %s', (amount, fixedMinor, shareMinor, rateBasisPoints) => {
    expect(feeOn(amount, payNow)).toEqual({ fixedMinor, shareMinor, rateBasisPoints })
  })

  test('a fee is rounded down and never more than the amount', () => {
    const amounts = fc.bigInt({ min: 0n, max: 10n ** 12n })
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 0n, max: 1_000n }), fc.integer({ min: 0, max: 10_000 }), (amount, fixed, rate) => {
        const { fixedMinor, shareMinor } = feeOn(amount, { fixedMinor: fixed, rateBasisPoints: rate, releaseDays: 0 })
        expect(fixedMinor).toBe(fixed < amount ? fixed : amount)
        const exact = amount * BigInt(rate)
        expect(shareMinor * 10_000n <= exact).toBe(true)
        expect(shareMinor === amount - fixedMinor || (shareMinor + 1n) * 10_000n > exact).toBe(true)
        expect(fixedMinor + shareMinor <= amount).toBe(true)
      }),
    )
  })
})

test('what a payer bears is nothing without the admin fee, the fee in the code of the whole amount, and the current fee of another amount', async () => {
  const { db } = await testDatabase()
  const request = { business_id: newId<'business'>(new Date()), add_admin_fee: true, admin_fee_minor: 77n, amount_minor: 20_000n, currency: 'sgd' }
  const borne = (more: Partial<typeof request> | { admin_fee_minor: null }, amount: bigint) => adminFeeOn(db, { ...request, ...more }, 'paynow_online', amount)
  expect(await borne({ add_admin_fee: false }, 20_000n)).toBe(0n)
  expect(await borne({}, 20_000n)).toBe(77n)
  expect(await borne({}, 10_000n)).toBe(95n)
  expect(await borne({ admin_fee_minor: null }, 20_000n)).toBe(160n)
})
