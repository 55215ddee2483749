import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { trigger } from '#commands/client/trigger.ts'
import { clearAll, hawker, key, newFolder, run } from './process.ts'

afterAll(clearAll)

let environment: Record<string, string>

beforeAll(async () => {
  environment = { HAWKER_DATA_DIR: join(newFolder(), 'data'), HAWKER_API_KEY: key }
  const url = await hawker(['start'], { environment }).ready()
  environment = { ...environment, HAWKER_URL: url }
})

async function request(method: string, path: string, body?: unknown) {
  const headers = { 'x-business-api-key': key, 'content-type': 'application/json' }
  const answer = await fetch(`${environment.HAWKER_URL}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  return JSON.parse(await answer.text())
}
const aRequest = (more = {}) =>
  request('POST', '/v1/payment-requests', { amount: '10.00', currency: 'sgd', redirect_url: 'https://shop.example/?key=abc#frag', ...more })
const pay = (...args: string[]) => run(['pay', ...args], { environment })

test('hawker pay pays by URL or id, and says in one line what happened and where the browser goes', async () => {
  const one = await aRequest()
  const paid = await pay(one.url)
  expect(paid).toMatchObject({ code: 0, err: '' })
  expect(paid.out).toMatch(/^Paid: SGD 10\.00 by \w+, charge [0-9a-f-]{36}\. Payment request [0-9a-f-]{36} is completed\. The payer goes to \S+\n$/)
  expect(paid.out.trimEnd().split(' ').at(-1)).toBe(`https://shop.example/?key=abc&reference=${one.id}&status=completed#frag`)
  const again = await pay(one.id)
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toMatch(/^hawker: This payment request is completed\.\n$/)

  const code = (await aRequest({ payment_methods: ['paynow_online'], generate_qr: true, redirect_url: undefined })).qr_code_data.qr_code
  expect((await pay(code)).out).toMatch(/^Paid: SGD 10\.00 by paynow_online, [^\n]+ is completed\.\n$/)
  expect(await pay(code, '--card', '4242424242424242')).toMatchObject({ code: 2 })

  const two = await aRequest({ redirect_url: undefined })
  const asked = ['--method', 'paynow_online', '--amount', '9.50', '--url', environment.HAWKER_URL ?? '', '--json']
  const short = await pay(two.id, ...asked)
  expect(JSON.parse(short.out)).toMatchObject({ amount: '9.50', unapplied_reason: 'short', redirect_url: null })
  const declined = await pay(two.id, '--card', '4000000000000002')
  expect(declined.out).toMatch(/^Declined \(generic_decline\): SGD 10\.00 by card, [^\n]+ is pending\.\n$/)
  expect((await pay(two.id, '--outcome', 'canceled')).out).toMatch(/^Canceled: [^\n]+ is pending\.\n$/)
  expect((await pay(two.id, '--method', 'paynow_online', '--delay', '60')).out).toMatch(/^Not paid yet: [^\n]+ is pending\.\n$/)
}, 40_000)

test('hawker pay pays a code, too late, twice, and answers for a payer whom the simulator asks', async () => {
  const late = await aRequest({ expires_after: '10 mins', payment_methods: ['paynow_online'], generate_qr: true })
  const code = late.qr_code_data.qr_code
  const tooLate = await pay(code, '--late')
  expect(tooLate).toMatchObject({ code: 0, err: '' })
  expect(tooLate.out).toMatch(
    /^Paid: SGD 10\.00 by paynow_online, [^\n]+ is pending, but the payment is not applied, because it came after the deadline; it can be refunded\.\n$/,
  )
  const twice = await pay(code, '--twice', '--json')
  expect(twice.code).toBe(0)
  const reasons = twice.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).unapplied_reason)
  expect(reasons).toEqual([null, 'duplicate'])
  expect(await pay(`${code.slice(0, -4)}0000`, '--late')).toMatchObject({ code: 1, err: expect.stringContaining('its checksum does not match') })

  const wallet = await aRequest({ payment_methods: ['grabpay_direct'] })
  const begun = await request('POST', `/v1/sandbox/payment-requests/${wallet.id}/pay`, { interactive: true })
  expect((await pay(begun.action_url, '--outcome', 'failed')).out).toMatch(/^Declined \(declined\): /)
  expect((await pay(begun.action_url)).out).toMatch(/^Declined \(declined\): /)
  expect(await pay(begun.action_url, '--late')).toMatchObject({ code: 2, err: expect.stringContaining('accepts only --outcome') })
  expect((await pay(`${wallet.url}?method=grabpay_direct`)).out).toMatch(/^Paid: SGD 10\.00 by grabpay_direct, /)
}, 60_000)

test('hawker pay reports an error in one line', async () => {
  const wrong: [string[], number, RegExp, Record<string, string>?][] = [
    [[], 2, /^hawker: pay expects the URL, the id or the QR code of a payment request\.\nSee `hawker help pay`\.\n$/],
    [['abc'], 2, /^hawker: pay expects the URL, the id or/],
    [['01890000-0000-7000-8000-000000000000'], 1, /^hawker: There is no payment request 01890000-0000-7000-8000-000000000000 in the business of this key\.\n$/],
    [['01890000-0000-7000-8000-000000000000', '--delay', 'soon'], 2, /^hawker: --delay expects a number of seconds, not "soon"\.\n/],
    [['01890000-0000-7000-8000-000000000000', '--name', 'x'], 2, /^hawker: pay does not accept --name\. Its options are --method, [^\n]+\n/],
    [
      ['01890000-0000-7000-8000-000000000000', '--outcome', 'complete'],
      2,
      /^hawker: --outcome expects completed, failed, canceled or timeout, not "complete"\. Did you mean "completed"\?\n/,
    ],
    [
      ['01890000-0000-7000-8000-000000000000'],
      1,
      /^hawker: The server does not accept the key in HAWKER_API_KEY: [^\n]+\n$/,
      { HAWKER_API_KEY: 'test_0000000000000000' },
    ],
    [['01890000-0000-7000-8000-000000000000', '--json'], 1, /^\{"error":"There is no payment request [^\n]+","exit_code":1\}\n$/],
    [
      ['01890000-0000-7000-8000-000000000000'],
      1,
      /^hawker: Hawker does not answer at http:\/\/127\.0\.0\.1:9 \([A-Z]+\); is it running\?\n$/,
      { HAWKER_URL: 'http://127.0.0.1:9' },
    ],
    [['01890000-0000-7000-8000-000000000000'], 2, /^hawker: HAWKER_API_KEY must be set[^\n]+\n$/, { HAWKER_API_KEY: '' }],
    [['01890000-0000-7000-8000-000000000000'], 2, /^hawker: HAWKER_URL must be a URL[^\n]+\n$/, { HAWKER_URL: 'localhost' }],
  ]
  const results = await Promise.all(wrong.map(([args, , , more]) => run(['pay', ...args], { environment: { ...environment, ...more } })))
  for (const [i, { code, err, out }] of results.entries())
    expect({ code, err, out }).toEqual({ code: wrong[i]?.[1], err: expect.stringMatching(wrong[i]?.[2] ?? ''), out: '' })
}, 40_000)

test('hawker trigger emits every event that it lists', async () => {
  const listed = (await run(['trigger', '--list'])).out.trimEnd().split('\n')
  expect(listed).toContain('payment_request.expired')
  // One as a process of its own; the others through the code that such a process runs, since a process costs more than an event.
  const [first = '', ...others] = listed
  const one = await run(['trigger', first, '--json'], { environment })
  expect(one).toMatchObject({ code: 0, err: '' })
  const server = { url: environment.HAWKER_URL ?? '', apiKey: key }
  const printed = await Promise.all(
    others.map(async (type) => {
      const lines: string[] = []
      await trigger(server, type, { json: true }, (line) => lines.push(line))
      return lines.join('\n')
    }),
  )
  const events: { id: string; type: string }[] = (await request('GET', '/v1/events?per_page=100')).data
  for (const [i, said] of [one.out, ...printed].entries()) {
    const { id, object_id } = JSON.parse(said)
    expect(events.find((event) => event.id === id)).toMatchObject({ type: listed[i], object_id })
  }
  const plain = await run(['trigger', 'charge.updated'], { environment })
  expect(plain.out).toMatch(/^payment request +\S+\ncharge +\S+\nrefund +\S+\ncharge\.updated +\S+\n$/)
  expect(await run(['trigger', 'order.created'], { environment })).toMatchObject({
    code: 2,
    err: expect.stringContaining('trigger cannot emit "order.created"'),
  })
}, 60_000)

test('everything adds up after all of these payments', async () => {
  expect(await run(['verify'], { environment })).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Everything adds up.') })
}, 20_000)
