import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { releaseDue } from '#resources/payments/releases/release-due-job.ts'
import { rollBusyAccounts } from '#resources/payouts/balances/roll-accounts-job.ts'
import { aBusiness } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { testDatabase } from '#testing/database.ts'
import { type Account, isGuarded } from './accounts.ts'
import { busyAccounts, holdBalances, listBalances, listTransfers, rollForward } from './balances.ts'
import { InsufficientFunds, post, type Transfer } from './post.ts'
import { ensureSandboxFloat, sandboxFloatOf } from './sandbox-float.ts'

const accounts: Account[] = ['available', 'pending', 'deposit', 'fees', 'clearing:simulator', 'sandbox']

function transferOf(businessId: string, about: Partial<Transfer>): Transfer {
  const at = new Date()
  const shared = { businessId, source: 'charge', sourceId: newId(at), purpose: 'net', currency: 'sgd', amountMinor: 100n, at } as const
  return { ...shared, debit: 'clearing:simulator', credit: 'available', ...about }
}

const book = async (transfers: Transfer[]) => {
  const { db } = await testDatabase()
  await db.transaction().execute((tx) => post(tx, transfers))
}

async function balancesOf(businessId: string, currency = 'sgd'): Promise<Map<Account, bigint>> {
  const { db } = await testDatabase()
  const all = await listBalances(db, businessId)
  return new Map(all.filter((one) => one.currency === currency).map((one) => [one.account, one.balanceMinor]))
}

/** A live business: without play money, so that everything booked is the test's own. */
const books = async () => (await aBusiness({ mode: 'live' })).business.id

describe('post', () => {
  test('a transfer is booked on both sides, and a debit never overdraws', async () => {
    const id = await books()
    await book([transferOf(id, { amountMinor: 500n }), transferOf(id, { amountMinor: 20n, credit: 'fees', purpose: 'fee' })])
    expect(await balancesOf(id)).toEqual(
      new Map<Account, bigint>([
        ['available', 500n],
        ['clearing:simulator', -520n],
        ['fees', 20n],
      ]),
    )
    await book([transferOf(id, { debit: 'available', credit: 'clearing:simulator', amountMinor: 500n })])
    const overdraw = book([transferOf(id, { debit: 'available', credit: 'clearing:simulator', amountMinor: 1n })])
    await expect(overdraw).rejects.toMatchObject({ account: 'available', availableMinor: 0n })
    await expect(overdraw).rejects.toBeInstanceOf(InsufficientFunds)
    expect((await balancesOf(id)).get('available')).toBe(0n)
  })

  test('a repeated booking is booked once', async () => {
    const id = await books()
    const once = transferOf(id, {})
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => book([once])))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await balancesOf(id)).get('available')).toBe(100n)
    const { db } = await testDatabase()
    expect(await listTransfers(db, id, 'charge', once.sourceId)).toMatchObject([{ purpose: 'net', debit: 'clearing:simulator', amountMinor: 100n }])
  })

  test('a transaction books all of its transfers or none', async () => {
    const id = await books()
    await expect(book([transferOf(id, {}), transferOf(id, { debit: 'deposit', credit: 'fees', amountMinor: 1n })])).rejects.toBeInstanceOf(InsufficientFunds)
    expect(await balancesOf(id)).toEqual(new Map())
  })

  test('many concurrent credits and debits leave an account exact and never below zero', async () => {
    const id = await books()
    await book([transferOf(id, { amountMinor: 1_000n })])
    const { db } = await testDatabase()
    const credits = Array.from({ length: 60 }, () => book([transferOf(id, { amountMinor: 10n })]))
    const debits = Array.from({ length: 60 }, () => book([transferOf(id, { debit: 'available', credit: 'clearing:simulator', amountMinor: 50n })]))
    const rolls = Array.from({ length: 5 }, () => rollForward(db, id, 'available', 'sgd', 1))
    const credited = await Promise.allSettled(credits)
    const debited = await Promise.allSettled(debits)
    await Promise.all(rolls)
    expect(credited.every(({ status }) => status === 'fulfilled')).toBe(true)
    const refused = debited.filter((one) => one.status === 'rejected').map((one) => one.reason)
    for (const error of refused) expect(error).toBeInstanceOf(InsufficientFunds)
    const left = 1_600n - BigInt(debited.length - refused.length) * 50n
    expect(left >= 0n).toBe(true)
    expect((await balancesOf(id)).get('available')).toBe(left)
  })
})

interface Step {
  debit: Account
  credit: Account
  amountMinor: bigint
}

const step: fc.Arbitrary<Step> = fc
  .record({ debit: fc.constantFrom(...accounts), credit: fc.constantFrom(...accounts), amountMinor: fc.bigInt(0n, 200n) })
  .filter(({ debit, credit }) => debit !== credit)
const action = fc.oneof(
  { weight: 6, arbitrary: fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => ({ kind: 'post' as const, steps })) },
  { weight: 1, arbitrary: fc.constantFrom(...accounts).map((account) => ({ kind: 'roll' as const, account })) },
)

/** The ledger in its simplest form: a map of balances, to which a list of transfers is applied whole or not at all. */
function apply(model: Map<Account, bigint>, steps: Step[]): boolean {
  const next = new Map(model)
  const add = (account: Account, by: bigint) => next.set(account, (next.get(account) ?? 0n) + by)
  for (const { debit, credit, amountMinor } of steps) {
    add(debit, -amountMinor)
    add(credit, amountMinor)
  }
  if ([...next].some(([account, balance]) => isGuarded(account) && balance < 0n)) return false
  for (const [account, balance] of next) model.set(account, balance)
  return true
}

describe('random transfers', () => {
  test('random transfers in sequence, with accounts rolled up in between, match a simple model', async () => {
    const { db } = await testDatabase()
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 12 }), async (actions) => {
        const id = await books()
        const model = new Map<Account, bigint>()
        for (const one of actions) {
          if (one.kind === 'roll') {
            await rollForward(db, id, one.account, 'sgd', 1)
            continue
          }
          const fits = apply(model, one.steps)
          const booked = await book(one.steps.map((each) => transferOf(id, each))).then(
            () => true,
            (error: unknown) => {
              if (error instanceof InsufficientFunds) return false
              throw error
            },
          )
          expect(booked).toBe(fits)
        }
        const balances = await balancesOf(id)
        for (const account of accounts) expect([account, balances.get(account) ?? 0n]).toEqual([account, model.get(account) ?? 0n])
        expect([...balances.values()].reduce((sum, one) => sum + one, 0n)).toBe(0n)
      }),
      { numRuns: 25, endOnFailure: true },
    )
  })

  test('random concurrent transfers never deadlock, lose nothing and overdraw nothing', async () => {
    const { db } = await testDatabase()
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 30 }), async (actions) => {
        const id = await books()
        const booked = new Map<Account, bigint>()
        await book([transferOf(id, { amountMinor: 1_000n }), transferOf(id, { credit: 'pending', purpose: 'more', amountMinor: 500n })])
        apply(booked, [
          { debit: 'clearing:simulator', credit: 'available', amountMinor: 1_000n },
          { debit: 'clearing:simulator', credit: 'pending', amountMinor: 500n },
        ])
        const plain = new Map(booked)
        await Promise.all(
          actions.map(async (one) => {
            if (one.kind === 'roll') return rollForward(db, id, one.account, 'sgd', 1)
            try {
              await book(one.steps.map((each) => transferOf(id, each)))
            } catch (error) {
              // Anything else, a deadlock above all, fails the test.
              if (!(error instanceof InsufficientFunds)) throw error
              return
            }
            for (const { debit, credit, amountMinor } of one.steps) {
              plain.set(debit, (plain.get(debit) ?? 0n) - amountMinor)
              plain.set(credit, (plain.get(credit) ?? 0n) + amountMinor)
            }
          }),
        )
        const balances = await balancesOf(id)
        for (const account of accounts) {
          expect([account, balances.get(account) ?? 0n]).toEqual([account, plain.get(account) ?? 0n])
          if (isGuarded(account)) expect((balances.get(account) ?? 0n) >= 0n).toBe(true)
        }
        expect([...balances.values()].reduce((sum, one) => sum + one, 0n)).toBe(0n)
      }),
      { numRuns: 12, endOnFailure: true },
    )
  })
})

describe('ledger jobs and balances', () => {
  test('balances read under a lock are exact', async () => {
    const id = await books()
    await book([transferOf(id, {}), transferOf(id, { credit: 'pending' })])
    const { db } = await testDatabase()
    const held = await db.transaction().execute((tx) => holdBalances(tx, id, ['pending', 'available', 'deposit'], 'sgd'))
    expect(held).toEqual(
      new Map<Account, bigint>([
        ['pending', 100n],
        ['available', 100n],
        ['deposit', 0n],
      ]),
    )
  })

  test('busy accounts are found and rolled up', async () => {
    const id = await books()
    const { db } = await testDatabase()
    await book(Array.from({ length: 30 }, (_, n) => transferOf(id, { amountMinor: BigInt(n + 1) })))
    const mine = async () => (await busyAccounts(db, 30)).filter(({ businessId }) => businessId === id).map(({ account }) => account)
    expect((await mine()).sort()).toEqual(['available', 'clearing:simulator'])
    expect(await rollBusyAccounts(db, 30)).toBeGreaterThanOrEqual(2)
    expect(await mine()).toEqual([])
    expect((await balancesOf(id)).get('available')).toBe(465n)
  })

  test('an account is rolled up from the given number of transfers on, and one that does not exist never is', async () => {
    const id = await books()
    const { db } = await testDatabase()
    await book(Array.from({ length: 3 }, () => transferOf(id, { amountMinor: 5n })))
    expect([await rollForward(db, id, 'nowhere', 'sgd', 1), await rollForward(db, id, 'available', 'sgd', 4)]).toEqual([false, false])
    expect([await rollForward(db, id, 'available', 'sgd', 3), await rollForward(db, id, 'available', 'sgd', 1)]).toEqual([true, false])
    expect((await balancesOf(id)).get('available')).toBe(15n)
  })

  test('money is released once, when it is due, however many workers release it', async () => {
    const id = await books()
    const database = await testDatabase()
    const { db } = database
    const at = new Date('2026-01-01T00:00:00Z')
    const charges = [newId(at), newId(at), newId(at)]
    await book(charges.map((sourceId) => transferOf(id, { sourceId, credit: 'pending' })))
    const dueAt = (days: number) => new Date(at.getTime() + days * 86_400_000)
    await db
      .insertInto('releases')
      .values(charges.map((charge_id, n) => ({ business_id: id, charge_id, currency: 'sgd', amount_minor: 100n, due_at: dueAt(n) })))
      .execute()
    await Promise.all(Array.from({ length: 4 }, () => releaseDue({ database, clock: clockAt(() => dueAt(1)) }, { until: dueAt(1) })))
    expect(await balancesOf(id)).toEqual(
      new Map<Account, bigint>([
        ['available', 200n],
        ['clearing:simulator', -300n],
        ['pending', 100n],
      ]),
    )
  })

  test('play money is booked once per currency, in the sandbox only', async () => {
    const { business } = await aBusiness()
    const { db } = await testDatabase()
    await Promise.all(Array.from({ length: 8 }, () => ensureSandboxFloat(db, business, 'vnd', new Date())))
    await ensureSandboxFloat(db, business, 'sgd', new Date())
    expect((await balancesOf(business.id, 'vnd')).get('deposit')).toBe(100_000_000n)
    expect((await balancesOf(business.id)).get('deposit')).toBe(1_000_000n)
    const live = await books()
    await ensureSandboxFloat(db, { id: live, mode: 'live' }, 'sgd', new Date())
    expect(await balancesOf(live)).toEqual(new Map())
    expect([sandboxFloatOf('idr'), sandboxFloatOf('kwd')]).toEqual([10_000_000_000n, 10_000_000n])
  })
})
