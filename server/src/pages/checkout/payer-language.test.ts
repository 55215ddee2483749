import { expect, test } from 'vitest'
import { aBusiness, send } from '#testing/api.ts'

const card = { number: '4242424242424242', exp_month: 12, exp_year: 2032, cvc: '123' }

test('the receipt and the refund of a payment are mailed in the language of the page on which it was made', async () => {
  const client = await aBusiness()
  await client.patch('/v1/checkout-settings', { default_language: 'id' })
  const languagesOfMails = async (language?: string) => {
    const request = { amount: '12.50', currency: 'sgd', send_email: true, email: 'payer@example.com' }
    const page = new URL((await client.post('/v1/payment-requests', request)).json.url).pathname.replace(/\/checkout$/, '')
    const { token } = (await send(client.server, 'POST', '/sandbox/tokens', { body: card })).json
    const body = { method: 'card', token, ...(language === undefined ? {} : { language }) }
    const { json } = await send(client.server, 'POST', `${page}/attempts`, { body, headers: { 'idempotency-key': crypto.randomUUID() } })
    expect(json.state.attempt.status).toBe('succeeded')
    await client.post('/v1/refund', { payment_id: json.state.attempt.id, amount: 1, send_email: true, email: 'payer@example.com' })
    const { data } = (await client.get('/v1/sandbox/mails?per_page=2')).json
    return data.map((mail: { html: string }) => /<html lang="([\w-]+)"/.exec(mail.html)?.[1])
  }
  expect([await languagesOfMails('th'), await languagesOfMails('zh-Hans')]).toEqual([
    ['th', 'th'],
    ['zh-Hans', 'zh-Hans'],
  ])
  // Without one, and with one that is none of ours, it is the business's.
  expect([await languagesOfMails(), await languagesOfMails('constructor')]).toEqual([
    ['id', 'id'],
    ['id', 'id'],
  ])
})
