import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aBusiness } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { aPage } from './browser.ts'
import { aRequest } from './visit.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

/** Opens a page whose scripts arrive when the returned function is called. */
async function openWithoutScripts(page: Page, path: string): Promise<() => void> {
  let arrive = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  await page.route(/\/assets\/.*\.js$/, async (route) => {
    await arrived
    await route.continue()
  })
  await page.goto(path, { waitUntil: 'commit' })
  return arrive
}

/** Sets fields like a password manager: all at once, with the events that are named, or with none. */
const fillBy = (page: Page, values: Record<string, string>, events: string[]) =>
  page.evaluate(
    ([fields, kinds]) => {
      for (const [id, value] of Object.entries(fields)) {
        const field = document.getElementById(id) as HTMLInputElement
        field.value = value
        for (const kind of kinds) field.dispatchEvent(new Event(kind, { bubbles: true }))
      }
    },
    [values, events] as const,
  )

const card = { 'card-number': '4242424242424242', 'card-expiry': '08/30', 'card-cvc': '123' }
const isPaid = (page: Page) => page.getByRole('heading', { name: 'Payment complete' }).waitFor()

test('a card that is typed before the script arrives is still in its fields afterwards, and pays', async () => {
  const request = await aRequest(server)
  const page = await aPage(server)
  const arrive = await openWithoutScripts(page, `${request.path}?method=card`)
  await page.getByLabel('Card number').fill('4242424242424242')
  await page.getByLabel('Expiry date').fill('0830')
  await page.getByLabel('Name on card').fill('Tan Mei Ling')
  await page.getByLabel('Email').fill('mei@example.com')
  await page.getByLabel('Security code').pressSequentially('12')
  // Without its script, the form must not reload the page: that would empty it.
  await page.keyboard.press('Enter')
  arrive()
  await expect.poll(() => page.getByLabel('Card number').inputValue()).toBe('4242 4242 4242 4242')
  await page.keyboard.type('3')
  const values = ['Expiry date', 'Security code', 'Name on card', 'Email'].map((name) => page.getByLabel(name).inputValue())
  expect(await Promise.all(values)).toEqual(['08 / 30', '123', 'Tan Mei Ling', 'mei@example.com'])
  await page.getByRole('button', { name: 'Pay SGD 49.90' }).click()
  await isPaid(page)
  await request.expectPaidOnce()
})

test('a method that is chosen before the script arrives stays chosen', async () => {
  const request = await aRequest(server)
  const page = await aPage(server)
  const arrive = await openWithoutScripts(page, `${request.path}?method=card`)
  await page.getByRole('radio', { name: 'GrabPay' }).check()
  arrive()
  await page.getByRole('button', { name: 'Continue to GrabPay' }).waitFor()
  expect(await page.getByRole('radio', { name: 'GrabPay' }).isChecked()).toBe(true)
})

test('an amount, a purpose and an address on a default link survive a late script', async () => {
  const client = await aBusiness({}, server)
  const page = await aPage(server, { width: 390 })
  const arrive = await openWithoutScripts(page, `/payment-request/@${client.business.slug}/`)
  const typed = { Amount: '12.30', 'What is it for?': 'Kaya toast', 'Your name': 'Tan Mei Ling', Email: 'mei@example.com' }
  for (const [name, value] of Object.entries(typed)) await page.getByLabel(name).fill(value)
  const loaded = page.waitForEvent('load')
  arrive()
  await loaded
  for (const [name, value] of Object.entries(typed)) expect(await page.getByLabel(name).inputValue()).toBe(value)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('SGD 12.30').first().waitFor()
})

test.each([[['change']], [['input']], [['input', 'change']], [[]]])('card fields that are set with the events %j are seen', async (events) => {
  const request = await aRequest(server)
  const page = await aPage(server)
  await page.goto(`${request.path}?method=card`)
  await fillBy(page, card, events)
  await page.getByRole('button', { name: 'Pay SGD 49.90' }).click()
  await isPaid(page)
})

test('a card that is filled in without an event survives a new state of the page', async () => {
  const request = await aRequest(server)
  const page = await aPage(server)
  await page.goto(`${request.path}?method=card`)
  await fillBy(page, card, [])
  await request.play({ method: 'paynow_online', amount: '9.90' })
  await page.getByText('SGD 9.90 arrived').first().waitFor()
  await page.getByRole('button', { name: 'Pay SGD 49.90' }).click()
  await isPaid(page)
})

test('an open amount that is set with a change event is seen', async () => {
  const request = await aRequest(server, { amount: undefined, payment_methods: ['paynow_online'] })
  const page = await aPage(server)
  await page.goto(request.path)
  await page.getByRole('button', { name: 'Show QR code' }).waitFor()
  await fillBy(page, { amount: '12.50' }, ['change'])
  await page.getByRole('button', { name: 'Show QR code' }).click()
  await page.getByRole('img', { name: 'to pay SGD 12.50' }).waitFor()
})

test('the test phone reads the text and the file that it was given before its script', async () => {
  const { client, path } = await aRequest(server, { payment_methods: ['paynow_online'] })
  const picture = await fetch(`${server.url}${path.replace('/checkout', '')}/code.png?method=paynow_online`)
  const page = await aPage(server, { expected: [/422/] })
  const arriveForFile = await openWithoutScripts(page, '/sandbox/phone')
  await page.locator('input[type=file]').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: Buffer.from(await picture.arrayBuffer()) })
  arriveForFile()
  await page.getByRole('heading', { name: `Pay ${client.business.name} SGD 49.90` }).waitFor()

  await page.unrouteAll()
  const arriveForText = await openWithoutScripts(page, '/sandbox/phone')
  await page.getByLabel('Text of the code').fill('no code')
  await page.getByRole('button', { name: 'Read the code' }).click()
  const loaded = page.waitForEvent('load')
  arriveForText()
  await loaded
  expect(await page.getByLabel('Text of the code').inputValue()).toBe('no code')
  await page.getByRole('button', { name: 'Read the code' }).click()
  await page.getByRole('alert').waitFor()
})
