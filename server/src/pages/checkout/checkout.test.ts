import type { CheckoutState } from '@hawker/web/checkout-state'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { decodeQr } from '#engine/rails/qr/decode.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { expirePaymentRequests } from '#resources/payments/payment-requests/end-payment-request.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { unapplied } from '#resources/payments/settlement/settlement.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { anOrigin } from '#testing/payments.ts'
import { checkoutState } from './checkout-state.ts'
import { checkoutReads } from './reads.ts'

const newKey = () => crypto.randomUUID()

async function aRequest(client: Client, more: Record<string, unknown> = {}) {
  const { json, status } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd', ...more })
  expect(status).toBe(201)
  const path = new URL(json.url).pathname.replace(/\/checkout$/, '')
  const page = {
    id: json.id as string,
    path,
    html: (query = '', headers = {}) => send(client.server, 'GET', `${path}/checkout${query}`, { headers }),
    state: async (attempt = ''): Promise<CheckoutState> => (await send(client.server, 'GET', `${path}/state?attempt=${attempt}`)).json,
    attempt: (body: object, key = newKey()) => send(client.server, 'POST', `${path}/attempts`, { body, headers: { 'idempotency-key': key } }),
    code: (body: object) => send(client.server, 'POST', `${path}/codes`, { body }),
    play: (body: object) => client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, body),
  }
  return page
}

/** The data block of a page. */
const dataOf = (html: string) => JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? 'null')

describe('the page of a payment request', () => {
  test('the page of a payment request is readable before a script runs, and allows only our own files', async () => {
    const client = await aBusiness({ name: 'Kopi & <Toast>' })
    const page = await aRequest(client, { purpose: '</script><script>alert(1)</script>' })
    const { status, text, headers } = await page.html()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(text).toContain('Kopi &amp; &lt;Toast&gt;')
    expect(text).not.toContain('<script>alert')
    expect(dataOf(text).state.request.purpose).toBe('</script><script>alert(1)</script>')
    expect(text).not.toMatch(/<(style|script)>| style="| on[a-z]+="/)
  })

  test('the page of a payment request is in the chosen language, or else in the browser’s', async () => {
    const page = await aRequest(await aBusiness())
    const languages = async (query: string, accepted: string) => dataOf((await page.html(query, { 'accept-language': accepted })).text).language
    expect(await languages('', 'ta-SG,en;q=0.5')).toBe('ta')
    expect(await languages('?lang=vi', 'ta')).toBe('vi')
    expect((await page.html('?lang=zh-Hans')).text).toContain('<html lang="zh-Hans">')
  })

  test('a request of another business or an unknown one has a page that says it does not exist', async () => {
    const [client, stranger] = await Promise.all([aBusiness(), aBusiness()])
    const { id } = await aRequest(client)
    for (const path of [
      `/payment-request/@${stranger.business.slug}/${id}/checkout`,
      `/payment-request/@${client.business.slug}/not-an-id/checkout`,
      '/payment-request/@nobody-has-this/',
    ]) {
      const { status, text } = await send(client.server, 'GET', path)
      expect([path, status]).toEqual([path, 404])
      expect(text).toContain('There is no such page')
    }
    for (const last of ['state', 'events', 'code.png?method=paynow_online']) {
      expect((await send(client.server, 'GET', `/payment-request/@${stranger.business.slug}/${id}/${last}`)).status).toBe(404)
    }
  })

  test('the page of a payment request can be framed only as the drop-in, by the origins that the merchant allows', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    const ancestors = async () => /frame-ancestors ([^;]*)/.exec((await page.html('?embed=1')).headers.get('content-security-policy') ?? '')?.[1]
    expect(await ancestors()).toBe("'self' *")
    await client.patch('/v1/checkout-settings', { allowed_origins: ['https://shop.example.com'] })
    expect(await ancestors()).toBe("'self' https://shop.example.com")
    expect((await page.html('?embed=1')).headers.get('x-frame-options')).toBeNull()
  })

  test('the page shows a request as expired from its deadline on, even before a job has noticed', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { expires_after: '5 mins' })
    expect((await page.state()).request?.status).toBe('pending')
    client.clock.advance(6 * 60_000)
    const state = await page.state()
    expect(state.request?.status).toBe('expired')
    expect(state.methods).toEqual([])
    const { status, json } = await page.attempt({ method: 'card' })
    expect([status, json.code]).toEqual([409, 'payment_request_not_payable'])
    expect((await page.code({ method: 'paynow_online' })).json.code).toBe('payment_request_not_payable')
  })

  test('exactly at the deadline the page, the API, the settlement and the job agree that the request has expired; a millisecond before, all take the payment', async () => {
    const client = await aBusiness()
    const taken = await aRequest(client, { expires_after: '5 mins' })
    const page = await aRequest(client, { expires_after: '5 mins' })
    const row = async ({ id }: { id: string }) => (await findPaymentRequest(client.server.database.db, client.business.id, id)) as PaymentRequestRow
    const pay = async ({ id }: { id: string }, at: Date) =>
      unapplied(await row({ id }), { created_at: at, amount_minor: 1250n, admin_fee_minor: 0n } as ChargeRow)

    const before = new Date(((await row(taken)).expires_at as Date).getTime() - 1)
    client.clock.set(before)
    expect((await taken.state()).request?.status).toBe('pending')
    expect(await pay(taken, before)).toBeNull()
    expect((await taken.play({ method: 'paynow_online' })).json).toMatchObject({ unapplied_reason: null, payment_request_status: 'completed' })

    const deadline = (await row(page)).expires_at as Date
    client.clock.set(deadline)
    expect((await page.state()).request?.status).toBe('expired')
    expect((await page.attempt({ method: 'card' })).json.code).toBe('payment_request_not_payable')
    expect((await page.play({ method: 'paynow_online' })).json.code).toBe('payment_request_not_payable')
    expect(await pay(page, deadline)).toBe('late')
    const origin = anOrigin({ at: deadline })
    const ended = await client.server.database.db
      .transaction()
      .execute((tx) => expirePaymentRequests(tx, client.business, { ids: [page.id, taken.id] }, origin))
    expect(ended.map(({ id }) => id)).toEqual([page.id])
  })

  test('a code on the page ends with its request, and never later than a quarter of an hour from now', async () => {
    const client = await aBusiness()
    const short = await aRequest(client, { expires_after: '5 mins' })
    const long = await aRequest(client, { expires_after: '2 hours' })
    const now = client.clock.now().getTime()
    const lifetimeOf = async (page: Awaited<ReturnType<typeof aRequest>>) => {
      const { payload, expires_at } = (await page.code({ method: 'paynow_online' })).json
      const ends = new Date(expires_at).getTime()
      // What is printed in the code is what the page says, to the second.
      expect(decodeQr(payload).expiresAt?.getTime()).toBe(Math.floor(ends / 1000) * 1000)
      return Math.round((ends - now) / 60_000)
    }
    expect([await lifetimeOf(short), await lifetimeOf(long)]).toEqual([5, 15])
    client.clock.advance(110 * 60_000)
    expect(await lifetimeOf(long)).toBe(120)
  })

  test('the page never shows paid because of its URL', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { redirect_url: 'https://shop.example.com/?a=1' })
    const { json } = await send(client.server, 'GET', `${page.path}/state?status=completed`)
    expect([json.request.status, json.paid, json.request.completed_url]).toEqual(['pending', null, null])
    const { text, status } = await send(client.server, 'GET', `${page.path}/completed`)
    expect([status, dataOf(text).state.request.status]).toEqual([200, 'pending'])
  })
})

describe('attempts to pay', () => {
  test('an attempt pays once, however often it is sent', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { redirect_url: 'https://shop.example.com/done?cart=7' })
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 5 }, () => page.attempt({ method: 'card', name: 'Payer' }, key)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const ids = new Set(answers.map(({ json }) => json.state.attempt.id))
    expect(ids.size).toBe(1)
    const { state } = answers[0]?.json ?? {}
    expect(state.request.status).toBe('completed')
    expect(state.paid).toMatchObject({ charge_id: [...ids][0], method: 'card', amount: '12.50', card: { brand: 'visa', last4: '4242' } })
    expect(state.request.completed_url).toBe(`https://shop.example.com/done?cart=7&reference=${page.id}&status=completed`)
    expect((await client.get(`/v1/charges?payment_request_id=${page.id}`)).json.data).toHaveLength(1)
  })

  test('an attempt requires a key, a method of the request and, if the payer enters it, an amount', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { payment_methods: ['card', 'paynow_online'] })
    const noKey = await send(client.server, 'POST', `${page.path}/attempts`, { body: { method: 'card' } })
    expect([noKey.status, noKey.json.code]).toEqual([422, 'invalid_idempotency_key'])
    expect((await page.attempt({})).json.errors).toHaveProperty('method')
    expect((await page.attempt({ method: 'fpx' })).json.code).toBe('payment_method_not_available')
    expect((await page.attempt({ method: 'paynow_online' })).json.errors.method).toEqual(['This method is paid by scanning its QR code.'])
    expect((await page.attempt({ method: 'card', email: 'nope' })).json.errors).toHaveProperty('email')
  })

  test('three tabs that pay at the same time complete one request, and two are refused before they are charged', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    const answers = await Promise.all([page.attempt({ method: 'card' }), page.attempt({ method: 'card' }), page.attempt({ method: 'card' })])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    const { json } = await client.get(`/v1/payment-requests/${page.id}`)
    expect(json.status).toBe('completed')
    expect(json.payments).toHaveLength(1)
    const state = await page.state()
    expect(state.unapplied).toEqual([])
  })

  test('an attempt after thirty others is rejected', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    for (let i = 0; i < 30; i += 1) await page.play({ method: 'card', outcome: 'failed' })
    const { status, json, headers } = await page.attempt({ method: 'card' })
    expect([status, json.code, headers.get('retry-after')]).toEqual([429, 'too_many_attempts', '600'])
  })

  test('an attempt in progress is shown to every page and blocks other attempts', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    await page.play({ method: 'card', delay: 30 })
    expect((await page.state()).attempt).toMatchObject({ status: 'processing', method: 'card' })
    const { status, json } = await page.attempt({ method: 'card' })
    expect([status, json.code]).toEqual([409, 'payment_in_progress'])
  })

  test('a payment that is applied between the reads of a request and its charges is shown with the request completed', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    const { business, server } = client
    const asRead = await findPaymentRequest(server.database.db, business.id, page.id)
    await page.play({ method: 'card' })
    const merchant = { business, display_name: business.name, logo_url: null, support_email: null, support_url: null }
    const deps = { ...server.app.payments, reads: checkoutReads(server.app.payments), receiptUrl: () => null }
    expect(asRead?.status).toBe('pending')
    const state = await checkoutState(deps, merchant, asRead as NonNullable<typeof asRead>, { attemptId: null })
    expect([state.request?.status, state.methods, state.paid?.method]).toEqual(['completed', [], 'card'])
  })

  test('a failed attempt is shown to the page that made it, with its reason', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    const { json } = await page.play({ card: '4000000000009995' })
    expect((await page.state()).attempt).toBeNull()
    expect((await page.state(json.payment_id)).attempt).toMatchObject({ status: 'failed', failure_code: 'insufficient_funds' })
  })

  test('an attempt on a shared link is not visible to others', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { allow_repeated_payments: true })
    const mine = (await page.attempt({ method: 'card' })).json.state
    expect(mine.paid).not.toBeNull()
    const theirs = await page.state()
    expect([theirs.request?.status, theirs.paid, theirs.attempt]).toEqual(['pending', null, null])
    expect(theirs.methods.length).toBeGreaterThan(0)
  })

  test('an attempt pays the amount that the payer enters', async () => {
    const client = await aBusiness()
    const made = await send(client.server, 'POST', `/payment-request/@${client.business.slug}/`, {
      form: new URLSearchParams({ amount: '7,5', email: 'payer@example.com' }),
    })
    expect(made.status).toBe(303)
    const { json } = await client.get(`/v1/payment-requests/${made.headers.get('location')?.split('/').at(-2)}`)
    expect(json).toMatchObject({ amount: '7.50', currency: 'sgd', email: 'payer@example.com', channel: 'link' })
    const wrong = await send(client.server, 'POST', `/payment-request/@${client.business.slug}/`, {
      form: new URLSearchParams({ amount: '7.555', email: 'x' }),
    })
    expect(wrong.status).toBe(422)
    expect(Object.keys(dataOf(wrong.text).errors)).toEqual(expect.arrayContaining(['amount', 'email']))
  })
})

describe('a business’s default link', () => {
  test.each([
    ['idr', 'id', '150.000', '150000.00'],
    ['idr', 'en', '150.000', '150000.00'],
    ['idr', 'id', 'Rp 150.000,-', '150000.00'],
    ['jpy', 'en', '1,000', '1000'],
    ['vnd', 'vi', '10.000', '10000'],
    ['vnd', 'en', '10.000 ₫', '10000'],
    ['sgd', 'en', '10,000', '10000.00'],
    ['sgd', 'en', '1,234.5', '1234.50'],
    ['sgd', 'id', '1.000,00', '1000.00'],
    ['sgd', 'en', '10 000', '10000.00'],
    ['sgd', 'en', '.5', '0.50'],
    ['sgd', 'zh-Hans', '１２．３０', '12.30'],
  ])('a form in %s on a page in %s that says %s makes a request of %s, without a script', async (currency, language, typed, amount) => {
    const client = await aBusiness({ currency })
    const path = `/payment-request/@${client.business.slug}/?lang=${language}`
    const { status, headers } = await send(client.server, 'POST', path, { form: new URLSearchParams({ amount: typed }) })
    expect(status).toBe(303)
    const { json } = await client.get(`/v1/payment-requests/${headers.get('location')?.split('/').at(-2)}`)
    expect(json).toMatchObject({ amount, currency })
  })

  test('an amount that can be read in two ways is asked about, and the choice makes the request; nothing is guessed', async () => {
    const client = await aBusiness()
    const submit = (form: Record<string, string>, language = 'en') =>
      send(client.server, 'POST', `/payment-request/@${client.business.slug}/?lang=${language}`, { form: new URLSearchParams(form) })
    const asked = await submit({ amount: '10.000', purpose: 'Kopi' })
    expect(asked.status).toBe(422)
    const choices = [...asked.text.matchAll(/<button[^>]*name="exact_amount"[^>]*value="([^"]+)"[^>]*>([^<]*)</g)].map(([, value, shown]) => [value, shown])
    expect(choices).toEqual([
      ['10000.00', 'SGD\u00a010,000.00'],
      ['10.00', 'SGD\u00a010.00'],
    ])
    expect(asked.text).toContain('Which amount do you mean?')
    expect((await submit({ amount: '10,000' }, 'id')).text).toContain('Jumlah mana yang Anda maksud?')
    expect((await client.get('/v1/payment-requests')).json.data).toEqual([])
    const chosen = await submit({ amount: '10.000', purpose: 'Kopi', exact_amount: '10.00' })
    expect(chosen.status).toBe(303)
    expect((await client.get('/v1/payment-requests')).json.data).toMatchObject([{ amount: '10.00', purpose: 'Kopi' }])
  })

  test('an amount that is none is explained in the language of the page', async () => {
    const client = await aBusiness({ currency: 'idr' })
    const { status, text } = await send(client.server, 'POST', `/payment-request/@${client.business.slug}/?lang=id`, {
      form: new URLSearchParams({ amount: '150 ribu', email: 'x' }),
    })
    expect(status).toBe(422)
    expect(text).toContain('Masukkan jumlah dengan angka, misalnya 10000.')
    expect(text).not.toMatch(/>The (amount|email)/)
  })

  test('a default link creates sixty requests a minute and then asks to wait, without affecting other businesses', async () => {
    const [client, other] = [await aBusiness(), await aBusiness()]
    onTestFinished(() => void vi.useRealTimers())
    vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / 60_000) * 60_000 })
    const make = ({ business }: Client, form: Record<string, string> = { amount: '5' }) =>
      send(client.server, 'POST', `/payment-request/@${business.slug}/`, { form: new URLSearchParams(form) })
    const all = await Promise.all(Array.from({ length: 61 }, () => make(client)))
    expect(all.map(({ status }) => status).sort()).toEqual([...Array(60).fill(303), 429])
    const refused = await make(client)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect(refused.text).toContain('try again in a minute')
    expect((await make(other)).status).toBe(303)
    vi.setSystemTime(Date.now() + 60_000)
    expect((await make(client)).status).toBe(303)
  })

  // A pattern that tries every character against every other takes an hour; the test's own time limit ends it.
  test('an endless text on a default link is rejected without matching it', async () => {
    const client = await aBusiness()
    const email = `a@${'.'.repeat(500_000)} b`
    const { status } = await send(client.server, 'POST', `/payment-request/@${client.business.slug}/`, { form: new URLSearchParams({ amount: '5', email }) })
    expect(status).toBe(422)
  })
})

describe('payments that are not applied', () => {
  test.each([
    [{ amount: '5' }, 'short'],
    [{ amount: '50' }, 'over'],
  ])('the page reports a payment that is not applied: %j is %s', async (payment, reason) => {
    const page = await aRequest(await aBusiness())
    await page.play({ method: 'paynow_online', ...payment })
    const state = await page.state()
    expect([state.request?.status, state.paid, state.unapplied.map((one) => one.reason)]).toEqual(['pending', null, [reason]])
  })
})

describe('codes', () => {
  test('a code contains what the payer owes, including the fee, until it must be renewed', async () => {
    const client = await aBusiness()
    const page = await aRequest(client, { add_admin_fee: true, payment_methods: ['paynow_online'] })
    const { methods, now } = await page.state()
    const { json, status } = await page.code({ method: 'paynow_online' })
    expect(status).toBe(200)
    expect(json.payload).toContain(`54${String(methods[0]?.total?.length).padStart(2, '0')}${methods[0]?.total}`)
    // Its quarter of an hour starts when it is drawn, some time after the page.
    const lives = new Date(json.expires_at).getTime() - new Date(now).getTime()
    expect([lives >= 15 * 60_000, lives <= 16 * 60_000]).toEqual([true, true])
    expect(json.rows.every((row: string) => /^[01]+$/.test(row) && row.length === json.rows.length)).toBe(true)
    const picture = await fetch(`${client.server.url}${json.image_url}`)
    expect(picture.headers.get('content-type')).toBe('image/png')
  })
})

describe('the stream of a page', () => {
  test('the stream of a page sends the state immediately, and reports a payment without being polled', async () => {
    const client = await aBusiness()
    const page = await aRequest(client)
    const ending = new AbortController()
    const response = await fetch(`${client.server.url}${page.path}/events`, { signal: ending.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let text = ''
    const until = async (sign: string) => {
      while (!text.includes(sign)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended: ${text}`)
        text += new TextDecoder().decode(value)
      }
    }
    await until('"status":"pending"')
    await page.play({ method: 'paynow_online' })
    await until('"status":"completed"')
    // What another process writes is noticed too: nobody wakes this process.
    const other = await aRequest(client)
    ending.abort()
    const second = await fetch(`${client.server.url}${other.path}/events`, { signal: AbortSignal.timeout(10_000) })
    const secondReader = (second.body as ReadableStream<Uint8Array>).getReader()
    await secondReader.read()
    await client.server.database.db
      .updateTable('payment_requests')
      .set({ status: 'canceled', version: 9 })
      .where('business_id', '=', client.business.id)
      .where('id', '=', other.id)
      .execute()
    let seen = ''
    while (!seen.includes('"status":"canceled"')) seen += new TextDecoder().decode((await secondReader.read()).value)
    await secondReader.cancel()
  })
})
