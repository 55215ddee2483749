import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { expectAccessible } from './accessibility.ts'
import { aPage } from './browser.ts'
import {
  aStreet,
  aVisit,
  checkoutIn,
  dropIn,
  focused,
  frameOf,
  isOpen,
  overflow,
  run,
  type Street,
  shop,
  standInScript,
  start,
  toggle,
  told,
} from './drop-in.ts'
import { aForeignSite } from './foreign-site.ts'

let street: Street
beforeAll(async () => {
  street = await aStreet()
})
afterAll(() => street.stop())

describe('the drop-in on a page of another origin', () => {
  test('the drop-in takes a payment through the interface of HitPay’s script, and leaves the page as it was', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await page.clock.install()
    await page.evaluate(() => document.body.style.setProperty('overflow', 'scroll'))
    await start(visit)
    expect(await isOpen(page)).toBe(false)
    await page.locator('#pay').focus()
    await toggle(visit, { paymentRequest: id, method: 'card' })
    const checkout = await checkoutIn(page)
    expect(checkout.url()).toBe(`${visit.link}${id}/checkout?embed=1&method=card`)
    const shown = dropIn(page)
    expect(await shown.boundingBox()).toEqual({ x: 0, y: 0, width: 1280, height: 900 })
    expect([await shown.getAttribute('allow'), await shown.getAttribute('title')]).toEqual(['payment', 'Payment'])
    const style = (name: string) => shown.evaluate((frame, of) => getComputedStyle(frame).getPropertyValue(of), name)
    expect([await style('position'), await style('z-index')]).toEqual(['fixed', '99999999'])
    expect(await overflow(page)).toBe('hidden')
    await visit.pay()
    await expect.poll(() => told(page)).toEqual([['success', { payment_request_id: id, status: 'completed', reference_number: 'A-1' }]])
    expect(await isOpen(page)).toBe(true)
    await page.clock.fastForward(5_000)
    await expect.poll(() => isOpen(page)).toBe(false)
    expect((await told(page)).slice(1)).toEqual([['close']])
    expect(await overflow(page)).toBe('scroll')
    await expect.poll(() => focused(page)).toBe('pay')
    expect(page.url()).toBe(`${street.site.url}/`)
  })

  test('the drop-in takes a payment through the interface of HitPay’s documents, and finds its host from the script’s URL', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await run(page, 'HitPay.init(args.link, { apiDomain: "api.hit-pay.com", ...tellers() })', visit.link && { link: visit.link })
    await toggle(visit, { open: true, paymentRequest: id })
    await checkoutIn(page)
    await toggle(visit, { open: true, paymentRequest: id })
    expect(await isOpen(page)).toBe(true)
    await visit.pay()
    await expect.poll(() => told(page)).toEqual([['success', { payment_request_id: id, status: 'completed', reference_number: 'A-1' }]])
    await toggle(visit, { open: false })
    expect(await isOpen(page)).toBe(false)
    expect(await told(page)).toHaveLength(2)
  })

  test('the drop-in opens the business’s default link with the amount', async () => {
    const visit = await aVisit(street)
    await start(visit)
    await toggle(visit, { amount: 12.5, method: 'paynow_online' })
    expect((await checkoutIn(visit.page)).url()).toBe(`${visit.link}?embed=1&method=paynow_online&amount=12.5`)
  })

  test('the drop-in opens the request whose link it was given', async () => {
    const visit = await aVisit(street)
    await start({ ...visit, link: `${visit.link}${visit.id}/checkout` })
    await toggle(visit, {})
    expect((await checkoutIn(visit.page)).url()).toBe(`${visit.link}${visit.id}/checkout?embed=1`)
  })

  test('the drop-in opens a request whose link names another host of the same server', async () => {
    const visit = await aVisit(street)
    const other = `https://securecheckout.example.net/payment-request/@${visit.client.business.slug}/${visit.id}/checkout`
    await start({ ...visit, link: other })
    await toggle(visit, {})
    expect((await checkoutIn(visit.page)).url()).toBe(`${visit.link}${visit.id}/checkout?embed=1`)
  })

  test('the drop-in reports a payment of the default link whose request it was given', async () => {
    const visit = await aVisit(street)
    const { json } = await visit.client.get('/v1/payment-requests?is_default=1')
    await start({ ...visit, link: json.data[0].url })
    await toggle(visit, {})
    const checkout = await checkoutIn(visit.page)
    await checkout.getByLabel('Amount').fill('5.00')
    await checkout.getByRole('button', { name: 'Continue' }).click()
    await expect.poll(() => checkout.url()).toMatch(/[0-9a-f-]{36}\/checkout/)
    const id = /@[^/]+\/([0-9a-f-]{36})/.exec(checkout.url())?.[1]
    await visit.pay(id)
    await expect.poll(() => told(visit.page)).toEqual([['success', { payment_request_id: id, status: 'completed', reference_number: null }]])
  })

  test('the drop-in is one frame however often it is set up, and the last set-up is used', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    expect(await page.evaluate('HitPay.inited')).toBe(false)
    await run(page, 'HitPay.init("https://shop.example.com/", {}, tellers("first "))')
    await start(visit)
    await start(visit)
    // Nor does a second copy of the script start again.
    await page.addScriptTag({ url: `${street.server.url}/hitpay.js` })
    expect(await page.evaluate('HitPay.inited')).toBe(false)
    expect(await dropIn(page).count()).toBe(1)
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
    await visit.pay()
    await expect.poll(() => told(page)).toEqual([['success', expect.objectContaining({ payment_request_id: id })]])
  })

  test('a second toggle closes the drop-in, and a payment that comes afterwards is still reported', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
    await toggle(visit, { paymentRequest: id })
    expect([await isOpen(page), await told(page), await overflow(page)]).toEqual([false, [['close']], ''])
    await visit.pay()
    await expect.poll(() => told(page)).toEqual([['close'], ['success', expect.objectContaining({ payment_request_id: id })]])
    expect(await isOpen(page)).toBe(false)
  })

  test('the drop-in shows another request when it is opened for another', async () => {
    const visit = await aVisit(street)
    const { page, id, client } = visit
    const other = (await client.post('/v1/payment-requests', { amount: '3.00', currency: 'sgd' })).json.id
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
    await toggle(visit, {})
    await toggle(visit, { paymentRequest: other })
    await expect.poll(async () => (await checkoutIn(page)).url()).toContain(other)
    await visit.pay(other)
    await expect.poll(() => told(page)).toEqual([['close'], ['success', { payment_request_id: other, status: 'completed', reference_number: null }]])
  })

  test('the drop-in stays open after an error, or closes if the merchant wants that', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    const decline = async () =>
      (await checkoutIn(page)).evaluate(() => parent.postMessage({ type: 'error', error: 'Your card was declined.' }, location.origin))
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await decline()
    await expect.poll(() => told(page)).toEqual([['error', 'Your card was declined.']])
    expect(await isOpen(page)).toBe(true)
    await toggle(visit, {})
    await start(visit, { closeOnError: true })
    await toggle(visit, { paymentRequest: id })
    await decline()
    await expect.poll(() => told(page)).toEqual([['error', 'Your card was declined.'], ['close'], ['error', 'Your card was declined.'], ['close']])
    expect(await isOpen(page)).toBe(false)
  })
})

describe('keyboard focus in the drop-in', () => {
  test('keyboard focus stays in the open checkout, and Escape closes it from anywhere', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await start(visit)
    await page.locator('#pay').focus()
    for (const where of ['checkout', 'frame', 'page']) {
      await toggle(visit, { paymentRequest: id })
      const checkout = await checkoutIn(page)
      await expect.poll(() => checkout.evaluate(() => document.hasFocus())).toBe(true)
      if (where === 'frame') await frameOf(page).evaluate(() => (document.activeElement as HTMLElement).blur())
      if (where === 'page') await page.evaluate(() => (document.activeElement as HTMLElement).blur())
      await page.keyboard.press('Escape')
      await expect.poll(() => isOpen(page)).toBe(false)
      await expect.poll(() => focused(page)).toBe('pay')
    }
    expect(await told(page)).toEqual([['close'], ['close'], ['close']])
  })

  test('Escape closes a checkout that waits for a picture', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await page.context().route('**/late.png', () => undefined)
    await page
      .context()
      .route(/\/assets\/checkout-[^/]*\.js$/, (route) =>
        route.fulfill({ contentType: 'text/javascript', body: `document.body.append(Object.assign(new Image(), { src: '/late.png' }));${standInScript}` }),
      )
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    const checkout = await checkoutIn(page)
    await expect.poll(() => checkout.evaluate(() => document.hasFocus())).toBe(true)
    expect(await checkout.evaluate(() => document.readyState)).toBe('interactive')
    await page.keyboard.press('Escape')
    await expect.poll(() => isOpen(page)).toBe(false)
  })

  test('keyboard focus reaches nothing behind the drop-in', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
    for (let presses = 0; presses < 6; presses += 1) {
      await page.keyboard.press('Tab')
      expect(await focused(page)).not.toBe('pay')
    }
  })
})

describe('messages from others', () => {
  test('the merchant’s page ignores messages from other windows, other frames of our origin and of other types', async () => {
    const visit = await aVisit(street)
    const { page, id } = visit
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
    const forged = { type: 'success', payment_request_id: id, status: 'completed', reference_number: null }
    await run(page, 'window.postMessage(args, "*"); frames[0].postMessage(args, "*")', forged)
    for (const address of [
      `${street.server.url}/hitpay-iframe.html?other`,
      `${street.server.url}/payment-request/@${visit.client.business.slug}/${id}/checkout?embed=1`,
    ]) {
      await run(page, 'const frame = document.createElement("iframe"); frame.src = args.address; frame.name = "other"; document.body.append(frame)', {
        address,
      })
      await expect.poll(() => page.frames().filter((frame) => frame.name() === 'other' && frame.url() === address).length).toBe(1)
      const other = page.frames().find((frame) => frame.name() === 'other')
      await other?.waitForLoadState()
      // To the merchant's page, to the drop-in beside it, and to the checkout's frame in the name of its checkout.
      await other?.evaluate((message) => {
        parent.postMessage(message, '*')
        parent.frames[0]?.postMessage(message, '*')
        parent.frames[0]?.postMessage({ type: 'toggle', props: { defaultUrl: `${location.origin}/payment-request/@other/` } }, '*')
      }, forged)
      await run(page, 'document.querySelector("[name=other]").remove()')
    }
    const strange = await checkoutIn(page)
    await strange.evaluate(() => {
      for (const message of [
        null,
        'success',
        7,
        { type: 'paid' },
        { type: 'success', payment_request_id: 'other', status: 'completed', reference_number: null },
      ]) {
        parent.postMessage(message, location.origin)
      }
    })
    await visit.pay()
    await expect.poll(() => told(page)).toEqual([['success', { payment_request_id: id, status: 'completed', reference_number: 'A-1' }]])
    expect(frameOf(page).childFrames()[0]?.url()).toContain(id)
  })

  test('the drop-in opens nothing for a link that is not a business of this server', async () => {
    const visit = await aVisit(street)
    const { page } = visit
    await start({ ...visit, link: 'https://shop.example.com/payment-request/@shop/' })
    await toggle(visit, {})
    await expect.poll(() => told(page)).toEqual([['error', expect.stringContaining('points to https://shop.example.com')]])
    const frame = dropIn(page).contentFrame()
    await frame.getByText('This payment cannot be shown here.').waitFor()
    await expectAccessible(page)
    await frame.getByRole('button', { name: 'Close' }).click()
    await expect.poll(() => isOpen(page)).toBe(false)
  })

  test('the drop-in reports a request that does not exist', async () => {
    const visit = await aVisit(street, { expected: ['frame-ancestors', 'ERR_BLOCKED_BY_RESPONSE', '404'] })
    await start(visit)
    await toggle(visit, { paymentRequest: crypto.randomUUID() })
    await expect.poll(() => told(visit.page)).toEqual([['error', 'There is no such payment request or business.']])
    const frame = dropIn(visit.page).contentFrame()
    await frame.getByText('There is no such payment.').waitFor()
    await frame.getByRole('button', { name: 'Close' }).click()
    await expect.poll(() => isOpen(visit.page)).toBe(false)
  })
})

describe('allowed origins', () => {
  test('only origins that the merchant allows can show the checkout', async () => {
    const visit = await aVisit(street, { expected: ['frame-ancestors', 'ERR_BLOCKED_BY_RESPONSE'] })
    const { page, client, id } = visit
    await client.patch('/v1/checkout-settings', { allowed_origins: ['https://shop.example.com'] })
    await start(visit)
    await toggle(visit, { paymentRequest: id })
    await expect
      .poll(() => told(page))
      .toEqual([['error', `The checkout cannot be shown here: ${street.site.url} is not among the allowed origins of the business.`]])
    await toggle(visit, {})
    await client.patch('/v1/checkout-settings', { allowed_origins: [street.site.url] })
    await toggle(visit, { paymentRequest: id })
    await checkoutIn(page)
  })
})

describe('pages that block the frame', () => {
  test('a page that blocks the frame gets an error and is not left covered', async () => {
    const own = await aForeignSite()
    onTestFinished(() => own.stop())
    own.show('/', shop(street.server.url), { 'content-security-policy': `default-src 'none'; script-src 'unsafe-inline' ${street.server.url}` })
    const page = await aPage(own, { origins: [street.server.url], expected: ['frame-src'] })
    await page.clock.install()
    await page.goto('/')
    await run(page, 'HitPay.init(args.link, tellers()); HitPay.toggle({})', { link: `${street.server.url}/payment-request/@shop/` })
    await page.clock.fastForward(20_000)
    await expect.poll(() => told(page)).toEqual([['error', 'The payment page did not load.'], ['close']])
    expect(await isOpen(page)).toBe(false)
  })
})
