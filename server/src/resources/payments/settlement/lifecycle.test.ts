import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sandboxFloatOf } from '#engine/ledger/sandbox-float.ts'
import { openDatabase } from '#foundation/database/database.ts'
import { expireDuePaymentRequests } from '#resources/payments/payment-requests/expire-payment-requests-job.ts'
import { pollRails } from '#resources/payments/rails/poll-rails-job.ts'
import { releaseDue } from '#resources/payments/releases/release-due-job.ts'
import { aBusiness, type Client, eventsOf, type Reply, startTestServer } from '#testing/api.ts'
import { cloneDatabase } from '#testing/database.ts'
import { findCounterExamples } from '#verify/checks.ts'

type Method = 'card' | 'paynow_online' | 'grabpay_direct'
type Card = 'usual' | 'refund succeeds later' | 'refund fails later'
interface Pay {
  request: number
  method: Method
  card: Card
  outcome: 'completed' | 'failed' | 'canceled'
  /** Of the amount: less, exactly or more. */
  off: -1 | 0 | 1
  delay: 0 | 600
}
interface Give {
  charge: number
  /** Hundredths of what was paid. */
  share: number
}
type Command =
  | { do: 'create'; repeated: boolean; expires: boolean; adminFee: boolean; amount: number }
  | { do: 'pay'; all: Pay[] }
  | { do: 'refund'; all: Give[] }
  | { do: 'cancel'; request: number }
  | { do: 'wait'; seconds: number; expireFirst: boolean }

/** The expected state of a request. */
interface Request {
  id: string
  status: 'pending' | 'completed' | 'expired' | 'canceled'
  amount: bigint
  repeated: boolean
  expiresAt: number
  applied: number
}

/** The expected state of an attempt. */
interface Attempt {
  id: string
  request: Request
  method: Method
  card: Card
  amount: bigint
  exact: -1 | 0 | 1
  at: number
  endsAt: number
  ends: Pay['outcome']
  status: 'waiting' | 'paid' | 'unpaid'
  unapplied: string | null
  given: { amount: bigint; at: number; status: 'pending' | 'succeeded' | 'failed' }[]
  /** A duplicate of which nothing has been refunded yet. */
  toBeGivenBack: boolean
}

const request = fc.nat({ max: 3 })
const pay: fc.Arbitrary<Pay> = fc.record({
  request,
  method: fc.constantFrom<Method>('card', 'paynow_online', 'grabpay_direct'),
  card: fc.constantFrom<Card>('usual', 'usual', 'refund succeeds later', 'refund fails later'),
  outcome: fc.constantFrom('completed', 'completed', 'completed', 'failed', 'canceled'),
  off: fc.constantFrom(0, 0, 0, -1, 1),
  delay: fc.constantFrom(0, 0, 0, 600),
})
const give: fc.Arbitrary<Give> = fc.record({ charge: fc.nat({ max: 9 }), share: fc.constantFrom(100, 60, 50, 30, 1) })
const create = fc.record({
  do: fc.constant('create' as const),
  repeated: fc.boolean(),
  expires: fc.boolean(),
  adminFee: fc.boolean(),
  amount: fc.integer({ min: 100, max: 30_000 }),
})
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: create },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pay' as const), all: fc.array(pay, { minLength: 1, maxLength: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('refund' as const), all: fc.array(give, { minLength: 1, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), request }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(10, 200, 700, 200_000), expireFirst: fc.boolean() }) },
)
const cards: Record<Card, string> = { usual: '4242424242424242', 'refund succeeds later': '4000000000007726', 'refund fails later': '4000000000005126' }

/** The cost of a method, written down independently. */
function feeOf(method: Method, amount: bigint): bigint {
  const least = (a: bigint, b: bigint) => (a < b ? a : b)
  if (method === 'card') return least(50n + (amount * 365n) / 10_000n, amount)
  if (method === 'grabpay_direct') return (amount * 300n) / 10_000n
  if (amount >= 10_000n) return 30n + (amount * 65n) / 10_000n
  const share = (amount * 90n) / 10_000n
  return share > 20n ? share : 20n
}

const decimal = (minor: bigint) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`
const minorOf = (amount: number | undefined) => BigInt(Math.round((amount ?? 0) * 100))

/** A business next to a model of its expected state. */
class Lifecycle {
  readonly requests: Request[] = []
  readonly attempts: Attempt[] = []
  now = Date.now()
  readonly client: Client
  constructor(client: Client) {
    this.client = client
  }

  async run(step: Command): Promise<void> {
    this.now += 1_000
    this.client.clock.set(new Date(this.now))
    if (step.do === 'create') await this.create(step)
    else if (step.do === 'pay') await this.pay(step.all)
    else if (step.do === 'refund') await this.refund(step.all)
    else if (step.do === 'cancel') await this.cancel(step.request)
    else await this.wait(step.seconds, step.expireFirst)
  }

  private async create({ repeated, expires, adminFee, amount }: Extract<Command, { do: 'create' }>): Promise<void> {
    const answer = await this.client.post('/v1/payment-requests', {
      amount: decimal(BigInt(amount)),
      currency: 'sgd',
      payment_methods: ['card', 'paynow_online', 'grabpay_direct'],
      allow_repeated_payments: repeated,
      add_admin_fee: adminFee,
      ...(expires ? { expires_after: '5 mins' } : {}),
    })
    expect(answer.status).toBe(201)
    const expiresAt = expires ? this.now + 300_000 : Number.POSITIVE_INFINITY
    this.requests.push({ id: answer.json.id, status: 'pending', amount: BigInt(amount), repeated, expiresAt, applied: 0 })
  }

  private isPayable({ status, expiresAt, repeated }: Request): boolean {
    return (status === 'pending' && expiresAt > this.now) || (status === 'completed' && repeated)
  }

  private async pay(all: Pay[]): Promise<void> {
    const chosen = all.flatMap((one) => {
      const target = this.requests[one.request % Math.max(1, this.requests.length)]
      return target ? [{ one, target, payable: this.isPayable(target) }] : []
    })
    const answers = await Promise.all(chosen.map(({ one, target }) => this.send(one, target)))
    for (const [i, { one, target, payable }] of chosen.entries()) {
      const { status, json } = answers[i] as Reply
      if (!payable) expect([status, json.code]).toEqual([409, 'payment_request_not_payable'])
      // Of several at the same time, one that comes after the first is rejected before it starts.
      else if (status !== 200) expect([status, all.length > 1, target.repeated]).toEqual([409, true, false])
      else this.attempts.push(this.attemptOf(one, target, json))
    }
    await this.settleWhatEnded()
  }

  private send({ method, card, outcome, off, delay }: Pay, { id, amount }: Request): Promise<Reply> {
    return this.client.post(`/v1/sandbox/payment-requests/${id}/pay`, {
      method,
      ...(method === 'card' ? { card: cards[card] } : {}),
      outcome,
      amount: decimal(amount + BigInt(off)),
      delay,
    })
  }

  private attemptOf({ method, card, outcome, off, delay }: Pay, target: Request, json: { payment_id: string; amount: string }): Attempt {
    const amount = BigInt(json.amount.replace('.', ''))
    return {
      id: json.payment_id,
      request: target,
      method,
      card: method === 'card' ? card : 'usual',
      amount,
      exact: off,
      at: this.now,
      endsAt: this.now + delay * 1000,
      ends: outcome,
      status: 'waiting',
      unapplied: null,
      given: [],
      toBeGivenBack: false,
    }
  }

  /** Reads the attempts that may have ended, and compares how the payment of each request was decided. */
  private async settleWhatEnded(): Promise<void> {
    const ended: Attempt[] = []
    for (const attempt of this.attempts.filter(({ status }) => status === 'waiting')) {
      const { json } = await this.client.get(`/v1/charges/${attempt.id}`)
      if (json.status === 'pending') expect(attempt.endsAt).toBeGreaterThan(attempt.at)
      else ended.push(Object.assign(attempt, this.endOf(attempt, json)))
    }
    for (const target of new Set(ended.map((one) => one.request))) {
      this.judge(
        target,
        ended.filter((one) => one.request === target && one.status === 'paid'),
      )
    }
  }

  private endOf(attempt: Attempt, json: { status: string; unapplied_reason: string | null }): Partial<Attempt> {
    expect(this.now).toBeGreaterThanOrEqual(attempt.endsAt)
    if (attempt.ends !== 'completed') {
      expect(json.status).toBe(attempt.ends)
      return { status: 'unpaid' }
    }
    // A duplicate may have been refunded at the same time.
    expect(['succeeded', 'refunded', 'partially_refunded']).toContain(json.status)
    return { status: 'paid', unapplied: json.unapplied_reason, toBeGivenBack: json.unapplied_reason === 'duplicate' }
  }

  private judge(target: Request, paid: Attempt[]): void {
    const inexact = ({ exact }: Attempt) => (exact < 0 ? 'short' : 'over')
    const applied = paid.filter(({ unapplied }) => unapplied === null)
    const rest = paid.filter(({ unapplied }) => unapplied !== null)
    expect(applied.every(({ exact }) => exact === 0)).toBe(true)
    if (target.status === 'pending') {
      const exact = paid.filter((one) => one.exact === 0).length
      expect(applied).toHaveLength(target.repeated ? exact : Math.min(exact, 1))
      for (const one of rest)
        expect(target.repeated || exact === 0 ? [inexact(one)] : [one.exact === 0 ? '' : inexact(one), 'duplicate']).toContain(one.unapplied)
      if (applied.length > 0 && !target.repeated) target.status = 'completed'
    } else {
      expect(applied).toEqual([])
      for (const one of rest) expect(one.unapplied).toBe(target.status === 'completed' ? 'duplicate' : 'late')
    }
    target.applied += applied.length
  }

  private left({ amount, given }: Attempt): bigint {
    return given.reduce((sum, one) => (one.status === 'failed' ? sum : sum - one.amount), amount)
  }

  private async refund(all: Give[]): Promise<void> {
    const chosen = all.flatMap((one) => {
      const charge = this.attempts[one.charge % Math.max(1, this.attempts.length)]
      const amount = charge && (charge.amount * BigInt(one.share)) / 100n
      return charge && amount ? [{ charge, amount }] : []
    })
    const answers = await Promise.all(chosen.map(({ charge, amount }) => this.client.post('/v1/refund', { payment_id: charge.id, amount: decimal(amount) })))
    for (const [i, { charge, amount }] of chosen.entries()) {
      const { status } = answers[i] as Reply
      if (charge.status !== 'paid') expect(status).toBe(422)
      else if (chosen.length === 1) expect(status).toBe(amount <= this.left(charge) ? 201 : 422)
      if (status === 201) this.note(charge, amount)
      expect([201, 422]).toContain(status)
    }
    for (const { charge, amount } of chosen) {
      expect(this.left(charge)).toBeGreaterThanOrEqual(0n)
      // Whatever was rejected was invalid, also among the others.
      const refused = chosen.some((one, i) => one.charge === charge && one.amount === amount && answers[i]?.status === 422)
      if (refused && charge.status === 'paid') expect(amount).toBeGreaterThan(this.left(charge))
    }
  }

  private note(charge: Attempt, amount: bigint): void {
    charge.given.push({ amount, at: this.now, status: charge.card === 'usual' ? 'succeeded' : 'pending' })
    charge.toBeGivenBack = false
  }

  private async cancel(index: number): Promise<void> {
    const target = this.requests[index % Math.max(1, this.requests.length)]
    if (!target) return
    const known = (await this.client.get(`/v1/payment-requests/${target.id}`)).status
    const { status } = await this.client.delete(`/v1/payment-requests/${target.id}`)
    expect(status).toBe(known === 404 ? 404 : target.status === 'completed' ? 409 : 200)
    if (status === 200 && target.status === 'pending') target.status = 'canceled'
  }

  private async wait(seconds: number, expireFirst: boolean): Promise<void> {
    const { business, clock } = this.client
    const { app } = this.client.server
    this.now += seconds * 1000
    clock.set(new Date(this.now))
    const due = () => ({ until: clock.now(), businessId: business.id })
    const expire = async () => {
      await expireDuePaymentRequests(app.payments, due())
      for (const target of this.requests) if (target.status === 'pending' && target.expiresAt <= this.now) target.status = 'expired'
    }
    const askUntilQuiet = async () => {
      const giveBack = this.attempts.filter(({ toBeGivenBack }) => toBeGivenBack)
      while ((await pollRails(app.payments, due())) > 0) await this.settleWhatEnded()
      for (const charge of giveBack) this.note(charge, charge.amount)
    }
    if (expireFirst) await expire()
    for (const { given, card } of this.attempts) {
      for (const one of given) if (one.status === 'pending') one.status = card === 'refund fails later' ? 'failed' : 'succeeded'
    }
    await askUntilQuiet()
    await expire()
    // What turned out to be a duplicate just now is refunded in a moment.
    this.now += 1
    clock.set(new Date(this.now))
    await askUntilQuiet()
    await releaseDue(app.payments, due())
  }

  async compare(): Promise<void> {
    const { found } = await findCounterExamples(this.client.server.database.db)
    expect(found.filter(({ business_id }) => business_id === this.client.business.id)).toEqual([])
    const [balances] = (await this.client.get('/v1/balances')).json
    const { available, pending, deposit, reserve } = balances?.wallets ?? {}
    const paid = this.attempts.filter(({ status }) => status === 'paid')
    const expected = paid.reduce((sum, one) => sum + this.left(one) - feeOf(one.method, one.amount), sandboxFloatOf('sgd'))
    const hasFloat = deposit !== undefined
    expect(minorOf(available) + minorOf(pending) + minorOf(deposit) + minorOf(reserve)).toBe(hasFloat ? expected : expected - sandboxFloatOf('sgd'))
    for (const charge of paid) {
      const { json } = await this.client.get(`/v1/charges/${charge.id}`)
      const given = charge.given.filter(({ status }) => status === 'succeeded').reduce((sum, one) => sum + one.amount, 0n)
      expect(json.status).toBe(given === 0n ? 'succeeded' : given === charge.amount ? 'refunded' : 'partially_refunded')
    }
    await this.compareEvents()
  }

  private async compareEvents(): Promise<void> {
    const told = new Map<string, string>()
    for (const { object_id, type } of await eventsOf(this.client)) {
      const [, what = ''] = String(type).split('.')
      told.set(String(object_id), `${told.get(String(object_id)) ?? ''}${what} `)
    }
    for (const { id, status, repeated, applied } of this.requests) {
      const end = status === 'pending' || repeated ? '' : status
      expect(told.get(id)).toMatch(
        repeated ? /^created (completed )*((expired )(deleted )?|canceled )?$/ : /^created (completed |(expired )(deleted )?|canceled )?$/,
      )
      expect(told.get(id)).toContain(end)
      expect(told.get(id)?.split('completed').length).toBe(applied + 1)
      const { json } = await this.client.get(`/v1/payment-requests/${id}`)
      if (json.status !== undefined) expect(json.status).toBe(status)
    }
    for (const { id, status, unapplied } of this.attempts) {
      const shape = { waiting: /^$/, paid: unapplied === null ? /^created (updated )*$/ : /^created unapplied (updated )*$/, unpaid: /^failed $/ }[status]
      expect(told.get(id) ?? '').toMatch(shape)
    }
  }
}

const created = { do: 'create', repeated: false, expires: false, adminFee: true, amount: 20_000 } as const
const paying: Pay = { request: 1, method: 'card', card: 'usual', outcome: 'completed', off: 0, delay: 0 }

/** A run in which everything that can happen does happen. */
const example: Command[] = [
  { do: 'pay', all: [{ ...paying, request: 0, delay: 600 }] },
  created,
  { do: 'wait', seconds: 700, expireFirst: true },
  { do: 'pay', all: [{ ...paying, off: -1 }] },
  { do: 'pay', all: [{ ...paying, outcome: 'failed' }] },
  { do: 'pay', all: [{ ...paying, card: 'refund fails later' }, paying, { ...paying, method: 'paynow_online' }] },
  {
    do: 'refund',
    all: [
      { charge: 3, share: 60 },
      { charge: 3, share: 60 },
      { charge: 3, share: 30 },
    ],
  },
  { do: 'refund', all: [{ charge: 1, share: 100 }] },
  { do: 'wait', seconds: 200_000, expireFirst: false },
]

test('whatever is created, paid, canceled, expired and refunded in any order, the rules hold and the books are right', async () => {
  const database = await openDatabase(await cloneDatabase(), { connections: 8, slowConnections: 2 })
  const server = await startTestServer(database)
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(create, fc.array(command, { minLength: 6, maxLength: 20 }), async (first, steps) => {
      const life = new Lifecycle(await aBusiness({}, server))
      for (const step of [first, ...steps]) await life.run(step)
      await life.compare()
      for (const { unapplied, status, given } of life.attempts)
        seen
          .add(status)
          .add(String(unapplied))
          .add(given[0]?.status ?? 'kept')
      for (const { status } of life.requests) seen.add(status)
    }),
    { numRuns: 25, examples: [[{ ...created, expires: true }, example]], interruptAfterTimeLimit: 5_000, markInterruptAsFailure: false },
  )
  expect([...seen]).toEqual(expect.arrayContaining(['completed', 'duplicate', 'expired', 'late', 'null', 'paid', 'short', 'succeeded', 'unpaid']))
}, 60_000)
