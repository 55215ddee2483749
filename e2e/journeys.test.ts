import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshots, tabTo } from './browser.ts'
import { aForeignSite, type ForeignSite } from './foreign-site.ts'
import { allowFault, expectFault } from './page-guard.ts'
import { aRequest, fits, languages, paste, payByCard } from './visit.ts'

let server: WorkingServer
let site: ForeignSite

beforeAll(async () => {
  ;[server, site] = await Promise.all([startWorkingServer(), aForeignSite({ '/thanks': '<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1>' })])
})
afterAll(async () => {
  await site.stop()
  await server.stop()
})

const isPaid = (page: Page) => page.getByRole('heading', { name: 'Payment complete' }).waitFor()
/** The calls to the merchant's page, as its server sees them. */
const queryOf = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams)

describe('cards', () => {
  test('a card is declined, then another one pays, all by keyboard, and the merchant’s page gets its own query back', async () => {
    const request = await aRequest(server, { redirect_url: `${site.url}/thanks?order=1042` })
    const page = await aPage(server, { origins: [site.url] })
    await page.goto(request.path)
    await tabTo(page, 'radio', 'Card')
    await page.keyboard.press('Space')
    const typeCard = async (number: string) => {
      await tabTo(page, 'textbox', 'Card number')
      // One field leads to the next, as on a payer's own keyboard.
      for (const text of [number, '0830', '123']) {
        await page.keyboard.type(text)
        await page.keyboard.press('Tab')
      }
      await page.keyboard.press('Enter')
    }
    await typeCard('4000000000009995')
    await page.getByRole('alert').getByText('There is not enough money in the account.').waitFor()
    await page.getByText('You have not been charged.').waitFor()
    expect(await page.getByLabel('Card number').inputValue()).toBe('')
    await expectAccessible(page)
    await screenshots(page, 'checkout-declined')
    await typeCard('4242424242424242')
    await isPaid(page)
    await page.getByText('Visa ending in 4242').waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-paid-redirect')
    await tabTo(page, 'link', 'Back to Kopi & Toast')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${site.url}/**`)
    expect(queryOf(page)).toEqual({ order: '1042', reference: request.id, status: 'completed' })
    await request.expectPaidOnce(['failed'])
  })

  test('a card that requires 3-D Secure fails, is left, is abandoned and passes, and one that does not is paid', async () => {
    const request = await aRequest(server, { payment_methods: ['card'], redirect_url: `${site.url}/thanks` })
    const page = await aPage(server, { origins: [site.url] })
    const answer = async (name: string) => {
      await payByCard(page, '4000000000003220')
      await page.getByRole('button', { name }).click()
    }
    await page.goto(request.path)
    await answer('No, authentication fails')
    await page.getByRole('alert').getByText('Your bank could not confirm that it was you.').waitFor()
    await answer('Close this window')
    await page.getByRole('alert').getByText('The payment was canceled.').waitFor()
    // The bank's page is left without an answer, and revisited.
    await payByCard(page, '4000000000003220')
    await page.getByRole('button', { name: 'Yes, authentication passes' }).waitFor()
    await page.goto(request.path)
    await page.getByRole('heading', { name: 'Your approval is needed' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-action')
    await page.clock.install()
    await page.getByRole('link', { name: 'Continue', exact: true }).click()
    await page.getByRole('button', { name: 'Yes, authentication passes' }).click()
    await isPaid(page)
    await page.getByText('You will be taken back to Kopi & Toast in a few seconds.').waitFor()
    await page.clock.fastForward(3_000)
    await page.waitForURL(`${site.url}/**`)
    expect(queryOf(page)).toEqual({ reference: request.id, status: 'completed' })
    await request.expectPaidOnce(['failed', 'canceled'])

    const frictionless = await aRequest(server, { payment_methods: ['card'] })
    await page.goto(frictionless.path)
    await payByCard(page, '4000000000003055')
    await isPaid(page)
    await frictionless.expectPaidOnce()
  })
})

describe('PayNow', () => {
  test('a PayNow code on the screen is scanned and paid, the checkout shows it by itself, and there is a receipt', async () => {
    const request = await aRequest(server)
    const page = await aPage(server)
    await page.goto(request.path)
    await page.getByRole('radio', { name: 'PayNow' }).check()
    const code = page.getByRole('img', { name: 'PayNow QR code to pay SGD 49.90' })
    await code.waitFor()
    const [saved, phone] = await Promise.all([
      Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save image' }).click()]).then(([download]) => download.createReadStream()),
      page.context().newPage(),
    ])
    await phone.goto('/sandbox/phone')
    await paste(phone, await page.locator('.qr-frame').screenshot())
    await phone.getByRole('heading', { name: 'Pay Kopi & Toast SGD 49.90' }).waitFor()
    await phone.reload()
    await paste(phone, Buffer.concat(await saved.toArray()))
    await phone.getByRole('heading', { name: 'Pay Kopi & Toast SGD 49.90' }).waitFor()
    await phone.getByRole('button', { name: 'Approve' }).click()
    await phone.getByText('The payment request is completed.').waitFor()
    await isPaid(page)
    await request.expectPaidOnce()

    await page.getByRole('link', { name: 'View receipt' }).click()
    await page.getByRole('heading', { name: 'Receipt' }).waitFor()
    expect(await page.getByText('SGD 49.90').count()).toBeGreaterThan(0)
    await expectAccessible(page)
    await page.setViewportSize({ width: 320, height: 720 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await expectAccessible(page)
    const { pathname } = new URL(page.url())
    for (const language of languages) {
      await page.goto(`${pathname}?lang=${language}`)
      await expectAccessible(page)
      expect(await fits(page)).toBe(true)
      await screenshots(page, `receipt-${language}`)
    }
    await page.goto(pathname)
    for (const link of await page.locator('a[type="application/pdf"]').all()) {
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
      expect(
        Buffer.concat(await (await download.createReadStream()).toArray())
          .subarray(0, 5)
          .toString(),
      ).toBe('%PDF-')
    }
  })

  test('an expired PayNow code is replaced, and none is shown once the request has expired', async () => {
    const request = await aRequest(server, { payment_methods: ['paynow_online'], expires_after: '30 mins' })
    const page = await aPage(server)
    await page.clock.install()
    await page.goto(request.path)
    await page.getByText(/^The code is valid for/).waitFor()
    await screenshots(page, 'checkout-qr-countdown')
    const pass = async (minutes: number) => {
      await server.advance(request.client, minutes * 60_000)
      await page.clock.fastForward(minutes * 60_000)
    }
    await pass(16)
    await page.getByText('A new code is shown.').waitFor()
    // The page may request one more code before it learns of the end.
    allowFault(page, /409/)
    await pass(16)
    await page.getByRole('heading', { name: 'This payment request has expired' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-expired')
    expect(await page.locator('.qr-frame').count()).toBe(0)
    expect((await request.client.get(`/v1/payment-requests/${request.id}`)).json.status).toBe('expired')
  })

  test('a PayNow payment made while the laptop is closed is shown afterwards', async () => {
    const request = await aRequest(server)
    const page = await aPage(server)
    await page.goto(`${request.path}?method=paynow_online`)
    await page.getByRole('img', { name: 'PayNow QR code' }).waitFor()
    allowFault(page, /INTERNET_DISCONNECTED/)
    await page.context().setOffline(true)
    await page.getByText('There is no connection at the moment.').waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-offline')
    await request.play({ method: 'paynow_online' })
    await page.context().setOffline(false)
    await isPaid(page)
    await request.expectPaidOnce()
  })
})

describe('wallets', () => {
  test('a wallet declines, is left and approves', async () => {
    const request = await aRequest(server, { redirect_url: `${site.url}/thanks?key=abc#order` })
    const page = await aPage(server, { origins: [site.url] })
    await page.goto(`${request.path}?method=grabpay_direct`)
    const answer = async (name: string) => {
      await page.getByRole('button', { name: 'Continue to GrabPay' }).click()
      await page.getByRole('button', { name, exact: true }).click()
    }
    await answer('Decline')
    await page.getByRole('alert').getByText('GrabPay declined the payment.').waitFor()
    await answer('Cancel and go back')
    await page.getByRole('alert').getByText('The payment was canceled.').waitFor()
    await answer('Approve')
    await isPaid(page)
    await page.getByRole('button', { name: 'Stay on this page' }).click()
    await page.getByRole('link', { name: 'Back to Kopi & Toast' }).click()
    await page.waitForURL(`${site.url}/**`)
    expect([queryOf(page), new URL(page.url()).hash]).toEqual([{ key: 'abc', reference: request.id, status: 'completed' }, '#order'])
    await request.expectPaidOnce(['failed', 'canceled'])
    // Back with the browser's button: the truth, and no automatic redirect.
    await page.goBack()
    await isPaid(page)
    expect(await page.getByText('You will be taken back').count()).toBe(0)
  })

  test('a slow wallet payment is shown as being processed until its outcome arrives', async () => {
    const request = await aRequest(server)
    const page = await aPage(server)
    await page.goto(`${request.path}?method=grabpay_direct`)
    await page.getByRole('button', { name: 'Continue to GrabPay' }).click()
    await page.getByRole('button', { name: 'Approve in 10 seconds' }).click()
    await page.getByRole('heading', { name: 'Your payment is being processed' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-processing')
    await server.advance(request.client, 11_000)
    await isPaid(page)
    await request.expectPaidOnce()
  })
})

describe('interruptions', () => {
  test('two tabs that pay at the same time pay once, and both show it', async () => {
    const request = await aRequest(server, { payment_methods: ['card'] })
    const one = await aPage(server)
    const other = await one.context().newPage()
    await Promise.all([one, other].map((page) => page.goto(request.path)))
    // Each waits with its token until both have one.
    const held: (() => void)[] = []
    await one.context().route('**/attempts', async (route) => {
      await new Promise<void>((go) => held.push(go))
      await route.continue()
    })
    await Promise.all([one, other].map((page) => payByCard(page, '4242424242424242')))
    await expect.poll(() => held.length).toBe(2)
    for (const go of held) go()
    await Promise.all([one, other].map(isPaid))
    // The other one was rejected before its card was charged.
    expectFault(one, /409/)
    await request.expectPaidOnce()
  })

  test('a wallet payment made after another tab has paid is shown as a duplicate', async () => {
    const request = await aRequest(server)
    const page = await aPage(server)
    await page.goto(`${request.path}?method=grabpay_direct`)
    await page.getByRole('button', { name: 'Continue to GrabPay' }).click()
    await page.getByRole('button', { name: 'Approve', exact: true }).waitFor()
    const other = await page.context().newPage()
    await other.goto(`${request.path}?method=paynow_online`)
    await other.getByRole('img', { name: 'PayNow QR code' }).waitFor()
    await request.play({ method: 'paynow_online' })
    await isPaid(other)
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await isPaid(page)
    // The worker refunds it, and the page says that too.
    await page.getByText('SGD 49.90 did not count towards this request and has been returned to you.').waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-paid-twice')
    await request.expectPaidOnce(['duplicate'])
  })

  test('a reload before the response arrives pays once', async () => {
    const request = await aRequest(server, { payment_methods: ['card'] })
    const page = await aPage(server)
    await page.goto(request.path)
    let sent = 0
    // The payment is made, and its response never arrives.
    await page.route('**/attempts', async (route) => {
      await route.fetch()
      sent += 1
    })
    await payByCard(page, '4242424242424242')
    await expect.poll(() => sent).toBe(1)
    await page.reload()
    await isPaid(page)
    await page.reload()
    await isPaid(page)
    expect(sent).toBe(1)
    await request.expectPaidOnce()
  })
})

describe('default links', () => {
  test('a default link accepts the amount that the payer enters, and becomes a request that is paid', async () => {
    const request = await aRequest(server)
    const { slug } = request.client.business
    const page = await aPage(server, { width: 320, colorScheme: 'dark' })
    await page.goto(`/payment-request/@${slug}/`)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Enter the amount.').waitFor()
    await expectAccessible(page)
    await screenshots(page, 'checkout-amount')
    await page.goto(`/payment-request/@${slug}/?amount=12.5`)
    await page.getByLabel('What is it for?').fill('Kaya toast')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('radio', { name: 'Card' }).check()
    await payByCard(page, '5555555555554444')
    await isPaid(page)
    await page.getByText('Mastercard ending in 4444').waitFor()
    expect(await fits(page)).toBe(true)
    const { json } = await request.client.get('/v1/charges')
    expect(json.data).toMatchObject([{ status: 'succeeded', amount: 12.5 }])
  })
})
