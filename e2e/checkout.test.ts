import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBusiness } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot, screenshots, tabTo } from './browser.ts'
import { expectFault } from './page-guard.ts'
import { aRequest, fits, languages } from './visit.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

describe('QR codes', () => {
  test('a QR code is drawn, and the page shows paid as soon as it is paid', async () => {
    const items = [
      { name: 'Kaya toast, box of twelve', quantity: 1, price: 18.9 },
      { name: 'Kopi, roasted beans', quantity: 1, price: 31 },
    ]
    const request = await aRequest(server, { line_items: items, reference_number: 'A-1042' })
    const page = await aPage(server)
    await page.goto(`${request.path}?method=paynow_online`)
    await page.getByRole('img', { name: 'PayNow QR code to pay SGD 49.90' }).waitFor()
    await page.getByText('Waiting for your payment…').waitFor()
    await expectAccessible(page)
    // The screenshot in README.
    await screenshot(page, 'checkout', { to: 'docs' })
    await request.play({ method: 'paynow_online' })
    await page.getByRole('heading', { name: 'Payment complete' }).waitFor()
    await page.getByText('PayNow', { exact: true }).waitFor()
    expect(await page.title()).toContain('Paid')
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
    await expectAccessible(page)
    await page.reload()
    await page.getByRole('heading', { name: 'Payment complete' }).waitFor()
  })

  test('a QR code is made for the amount that the payer enters', async () => {
    const request = await aRequest(server, { amount: undefined, payment_methods: ['paynow_online'] })
    const page = await aPage(server, { width: 320 })
    await page.goto(request.path)
    await page.getByRole('button', { name: 'Show QR code' }).click()
    await page.getByText('Enter the amount.').waitFor()
    await page.getByLabel('How much would you like to pay?').fill('12,5')
    await page.getByRole('button', { name: 'Show QR code' }).click()
    await page.getByRole('img', { name: 'to pay SGD 12.50' }).waitFor()
    expect(await fits(page)).toBe(true)
  })
})

describe('the card form', () => {
  test('the card form names every invalid field and focuses the first one, with the keyboard alone', async () => {
    const request = await aRequest(server)
    const page = await aPage(server, { width: 320 })
    await page.goto(request.path)
    await tabTo(page, 'radio', 'Card')
    await page.keyboard.press('Space')
    await tabTo(page, 'textbox', 'Card number')
    await page.keyboard.type('4000002')
    await tabTo(page, 'button', 'Pay SGD 49.90')
    await page.keyboard.press('Enter')
    await page.getByText('The card number is not complete.').waitFor()
    await page.getByText('Enter the expiry date.').waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('card-number')
    expect(await page.getByLabel('Card number').inputValue()).toBe('4000 002')
    await expectAccessible(page)
    await screenshots(page, 'checkout-card-errors')
  })
})

describe('a lost response', () => {
  test('an attempt whose response is lost is retried with the same key', async () => {
    const request = await aRequest(server)
    const page = await aPage(server, { expected: [/attempts/] })
    const keys: (string | undefined)[] = []
    await page.route('**/attempts', async (route) => {
      keys.push(route.request().headers()['idempotency-key'])
      if (keys.length > 1) return route.fulfill({ status: 409, json: { message: 'A payment is being processed.', code: 'payment_in_progress' } })
      return route.abort('connectionreset')
    })
    await page.goto(`${request.path}?method=grabpay_direct`)
    await page.getByRole('button', { name: 'Continue to GrabPay' }).click()
    await page.getByRole('heading', { name: 'We do not know yet' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-unsure')
    await page.reload()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('alert').getByText('Another payment for this request is in progress.').waitFor()
    expect(keys.length).toBe(2)
    expect(keys[0]).toBe(keys[1])
    expectFault(page, /409/)
  })
})

describe('a closed request', () => {
  test('a closed request says so and accepts no payment', async () => {
    const request = await aRequest(server)
    const page = await aPage(server, { width: 320 })
    await page.goto(request.path)
    await page.getByRole('radio', { name: 'PayNow' }).waitFor()
    await request.client.delete(`/v1/payment-requests/${request.id}`)
    await page.getByRole('heading', { name: 'This payment request was canceled' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-canceled')
    expect(await page.getByRole('radio').count()).toBe(0)
  })
})

describe('a typed amount', () => {
  test('a default link shows how it understands an amount, asks where it could be two, and sends what it showed', async () => {
    const client = await aBusiness({}, server)
    const page = await aPage(server, { width: 390, height: 844 })
    await page.goto(`/payment-request/@${client.business.slug}/`)
    const amount = page.getByRole('textbox', { name: 'Amount' })
    await amount.fill('10,000')
    await page.getByText('You pay SGD 10,000.00.').waitFor()
    await amount.fill('10.000')
    const choice = page.getByRole('group', { name: 'Which amount do you mean?' })
    await choice.getByRole('button', { name: 'SGD 10.00', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Which amount do you mean?').first().waitFor()
    expect(await amount.evaluate((field) => field === document.activeElement)).toBe(true)
    await expectAccessible(page)
    await screenshots(page, 'checkout-amount-asked')
    await choice.getByRole('button', { name: 'SGD 10,000.00' }).click()
    await page.getByText('You pay SGD 10,000.00.').waitFor()
    expect(await choice.count()).toBe(0)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('How would you like to pay?').waitFor()
    expect((await client.get('/v1/payment-requests')).json.data).toMatchObject([{ amount: '10000.00' }])
  })

  test('a rupiah amount with points is paid in full, in Indonesian, with and without a script', async () => {
    for (const javaScript of [true, false]) {
      const client = await aBusiness({ currency: 'idr' }, server)
      const page = await aPage(server, { javaScript, width: 390, height: 844, language: 'id-ID' })
      await page.goto(`/payment-request/@${client.business.slug}/`)
      await page.getByLabel('Jumlah').fill('150.000')
      await page.getByRole('button', { name: 'Lanjut' }).click()
      await page.getByText('Rp 150.000').first().waitFor()
      expect((await client.get('/v1/payment-requests')).json.data).toMatchObject([{ amount: '150000.00' }])
    }
  })
})

describe('without JavaScript', () => {
  test('a default link accepts an amount and its request is readable without JavaScript', async () => {
    const client = await aBusiness({}, server)
    const page = await aPage(server, { javaScript: false, width: 320 })
    await page.goto(`/payment-request/@${client.business.slug}/?lang=ms`)
    await page.getByLabel('Jumlah').fill('12.30')
    await page.getByRole('button', { name: 'Teruskan' }).click()
    await page.getByText('SGD 12.30').first().waitFor()
    await page.getByText('Bagaimanakah anda ingin membayar?').waitFor()
    expect(await page.locator('noscript p').isVisible()).toBe(true)
  })
})

describe('languages', () => {
  test('every view in every language fits 320 pixels and is accessible in light and dark mode', async () => {
    const page = await aPage(server, { width: 320 })
    const look = async (name: string) => {
      expect(await fits(page)).toBe(true)
      await expectAccessible(page)
      await screenshots(page, `checkout-${name}`)
      await page.emulateMedia({ colorScheme: 'dark' })
      await expectAccessible(page, { colors: true })
      await page.emulateMedia({ colorScheme: 'light' })
    }
    for (const language of languages) {
      const request = await aRequest(server)
      await page.goto(`/payment-request/@${request.client.business.slug}/?lang=${language}`)
      await look(`amount-${language}`)
      await page.goto(`${request.path}?lang=${language}`)
      expect(await page.evaluate(() => document.documentElement.lang)).toBe(language)
      await page.getByRole('radio').nth(0).check()
      await page.locator('#card-number').waitFor()
      await page.locator('.card-form button[type=submit]').click()
      await look(`card-${language}`)
      await page.getByRole('radio').nth(1).check()
      await page.locator('.qr-code').waitFor()
      await look(`qr-${language}`)
      await page.getByRole('radio').nth(2).check()
      await page.locator('.method-panel .button-primary').waitFor()
      expect(await fits(page)).toBe(true)
      await request.play({ method: 'paynow_online' })
      await page.locator('.seal-success').waitFor()
      await look(`paid-${language}`)
    }
  })
})
