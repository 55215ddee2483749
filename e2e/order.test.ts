import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot, screenshots } from './browser.ts'
import { aRequest, fits } from './visit.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

describe('the order on a phone', () => {
  test('the ways to pay for an order of 25 items start above the fold, and all items can be shown', async () => {
    const line_items = Array.from({ length: 25 }, (_, n) => ({ name: `Kaya toast, box of twelve, number ${n + 1}`, quantity: n + 1, price: 4 }))
    const request = await aRequest(server, { line_items, reference_number: 'A-1042' })
    const page = await aPage(server, { width: 390, height: 844 })
    await page.goto(request.path)
    const heading = page.getByRole('heading', { name: 'How would you like to pay?' })
    expect((await heading.boundingBox())?.y).toBeLessThan(844 - 100)
    const first = await page.getByRole('radio').first().boundingBox()
    expect((first?.y ?? 844) + (first?.height ?? 0)).toBeLessThan(844)
    await screenshot(page, 'order-folded-390', { fullPage: false })
    expect(await page.getByText('number 25').isVisible()).toBe(false)
    await page.getByText('Show all 25 items').click()
    await page.getByText('number 25').waitFor()
    await expectAccessible(page)
    expect(await fits(page)).toBe(true)
  })

  test('a line of several pieces shows its total and the price of one, with separators', async () => {
    const request = await aRequest(server, {
      line_items: [
        { name: 'Kopi', quantity: 1500, price: 2.5 },
        { name: 'Laksa', quantity: 1, price: 8 },
      ],
      amount: '3758.00',
    })
    const page = await aPage(server, { width: 390 })
    await page.goto(request.path)
    await page.getByText('1,500 × SGD 2.50').waitFor()
    await page.locator('.item-price').getByText('SGD 3,750.00').waitFor()
    expect(await page.locator('.item-price').allTextContents()).toHaveLength(2)
  })
})

describe('the methods on a phone', () => {
  test('a method with two codes is offered once, and can be paid', async () => {
    const request = await aRequest(server, { amount: '150000', currency: 'idr', payment_methods: ['doku_qris', 'ifpay_qris'] })
    const page = await aPage(server, { width: 390 })
    await page.goto(request.path)
    await page.getByRole('radio', { name: 'QRIS' }).waitFor()
    expect(await page.getByRole('radio').count()).toBe(1)
    await page.getByRole('img', { name: 'QRIS QR code' }).waitFor()
  })

  test('likely methods come first with the brands of cards, the rest is folded, and a folded one can be chosen', async () => {
    const request = await aRequest(server, { payment_methods: undefined })
    const page = await aPage(server, { width: 390, height: 844 })
    await page.goto(request.path)
    const shown = async () => {
      const names: string[] = []
      for (const radio of await page.getByRole('radio').all()) if (await radio.isVisible()) names.push((await radio.getAttribute('value')) ?? '')
      return names
    }
    expect(await shown()).toEqual(['card', 'paynow_online', 'grabpay_direct', 'shopee_pay'])
    await expectAccessible(page)
    await screenshots(page, 'methods-folded')
    expect(await page.locator('#brands-card svg').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))).toEqual([
      'Visa',
      'Mastercard',
      'American Express',
    ])
    await page.getByText(/^More ways to pay \(\d+\)$/).click()
    await page.getByRole('radio', { name: 'ShopBack', exact: true }).check()
    await page.getByRole('button', { name: 'Continue to ShopBack' }).waitFor()
    expect((await shown()).length).toBeGreaterThan(6)
    await page.goto(`${request.path}?method=atome`)
    await page.getByRole('button', { name: 'Continue to Atome' }).waitFor()
  })

  test('the languages are above the order', async () => {
    const request = await aRequest(server)
    const page = await aPage(server, { width: 320 })
    await page.goto(request.path)
    const menu = page.locator('.language summary')
    expect((await menu.boundingBox())?.y ?? 999).toBeLessThan((await page.getByRole('heading', { level: 1 }).boundingBox())?.y ?? 0)
    await menu.click()
    await page.getByRole('link', { name: 'Tiếng Việt' }).click()
    await page.getByText('Bạn muốn thanh toán bằng cách nào?').waitFor()
  })
})

describe('a refunded request', () => {
  test('the page of a refunded request says so and how much, live and without a redirect', async () => {
    const request = await aRequest(server, { payment_methods: ['card'], redirect_url: 'https://example.com/thanks' })
    const page = await aPage(server, { width: 390 })
    await page.goto(request.path)
    const { json } = (await request.play({ method: 'card' })) as { json: { payment_id: string } }
    await page.getByRole('heading', { name: 'Payment complete' }).waitFor()
    await page.getByRole('button', { name: 'Stay on this page' }).click()
    await request.client.post('/v1/refund', { payment_id: json.payment_id, amount: '9.90' })
    await page.getByRole('heading', { name: 'Part of this payment was refunded' }).waitFor()
    await page.getByText('Kopi & Toast has returned SGD 9.90 to you.').waitFor()
    await request.client.post('/v1/refund', { payment_id: json.payment_id, amount: '40.00' })
    await page.getByRole('heading', { name: 'This payment was refunded' }).waitFor()
    await page.getByText('Kopi & Toast has returned SGD 49.90 to you.').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'This payment was refunded' }).waitFor()
    expect(await page.getByText('You will be taken back').count()).toBe(0)
    await expectAccessible(page)
    await screenshots(page, 'checkout-refunded')
  })
})
