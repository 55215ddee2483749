import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aBusiness } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot } from './browser.ts'
import { aRequest } from './visit.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

async function aPath(more: object = {}): Promise<string> {
  const client = await aBusiness({}, server)
  const { json } = await client.post('/v1/payment-requests', { amount: '1234.50', currency: 'sgd', payment_methods: ['card', 'paynow_online'], ...more })
  return new URL(json.url).pathname
}

const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)

test('a code shown after ten minutes on the page counts down from the time it has left', async () => {
  const page = await aPage(server)
  const { client, path } = await aRequest(server, { payment_methods: ['card', 'paynow_online'] })
  // Nothing updates the page's time.
  await page.route('**/state*', () => undefined)
  await page.clock.install()
  await page.goto(path)
  await page.getByRole('radio', { name: 'PayNow' }).waitFor()
  client.clock.advance(10 * 60_000)
  await page.clock.fastForward('10:00')
  await page.getByRole('radio', { name: 'PayNow' }).check()
  await page.getByText(/The code is valid for (15:0\d|14:\d\d)/).waitFor()
})

test('a payer who pays in another language gets the receipt in it', async () => {
  const page = await aPage(server)
  const { client, path } = await aRequest(server, { send_email: true, email: 'payer@example.com' })
  await page.goto(`${path}?method=card&lang=id`)
  for (const [field, text] of [
    ['#card-number', '4242 4242 4242 4242'],
    ['#card-expiry', '12 / 30'],
    ['#card-cvc', '123'],
  ] as const)
    await page.locator(field).fill(text)
  await page.locator('#card-cvc').press('Enter')
  await expect.poll(async () => (await client.get('/v1/sandbox/mails')).json.data[0]?.html).toContain('<html lang="id">')
})

test('clicks that come faster than the page renders make one payment', async () => {
  const page = await aPage(server)
  const path = await aPath({ allow_repeated_payments: true })
  let attempts = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/attempts')) attempts += 1
  })
  await page.goto(`${path}?method=card`)
  await page.getByLabel('Card number').fill('4242 4242 4242 4242')
  await page.getByLabel('Expiry date').fill('12 / 30')
  await page.getByLabel('Security code').fill('123')
  await page.getByRole('button', { name: 'Pay SGD 1,234.50' }).evaluate((button: HTMLElement) => {
    for (let i = 0; i < 3; i += 1) button.click()
  })
  await page.getByRole('heading', { name: 'Payment complete' }).waitFor()
  expect(attempts).toBe(1)
})

test('a decline by the bank leaves the card form open', async () => {
  const page = await aPage(server)
  await page.goto(`${await aPath()}?method=card`)
  await page.getByLabel('Card number').fill('4000 0027 6000 3184')
  await page.getByLabel('Expiry date').fill('12 / 30')
  await page.getByLabel('Security code').fill('123')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'No, authentication fails' }).click()
  await page.getByRole('alert').getByText('Your bank could not confirm that it was you.').waitFor()
  await page.getByLabel('Card number').waitFor()
})

test('a reference without spaces, items with prices and the open language menu fit a narrow page', async () => {
  const page = await aPage(server, { width: 320 })
  await page.goto(await aPath({ reference_number: 'R'.repeat(200), line_items: [{ name: 'Laksa', quantity: 2, price: 617.25 }] }))
  await page.getByText('2 × SGD 617.25').waitFor()
  await page.getByText('Language: English').click()
  await page.getByRole('link', { name: 'தமிழ்' }).waitFor()
  expect(await fits(page)).toBe(true)
  const menu = await page.locator('.language ul').boundingBox()
  expect([(menu?.x ?? -1) >= 0, (menu?.x ?? 0) + (menu?.width ?? 0) <= 320]).toEqual([true, true])
})

test('a shortened link opens its request, and a wrong link says that it is wrong', async () => {
  const path = await aPath()
  const page = await aPage(server, { width: 320, expected: [/404/] })
  await page.goto(path.replace('/checkout', ''))
  await page.getByText('SGD 1,234.50').first().waitFor()
  await page.goto(path.replace('@', '@no-'))
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  await expectAccessible(page)
  await screenshot(page, 'checkout-not-found')
})
