import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot } from './browser.ts'
import { aStreet, aVisit, checkoutIn, dropIn, type Street, start, toggle } from './drop-in.ts'
import { allowFault } from './page-guard.ts'
import { type AskedFor, aRequest, payByCard } from './visit.ts'

let street: Street
beforeAll(async () => {
  street = await aStreet()
})
afterAll(() => street.stop())

/** A checkout, on a page of its own or in the drop-in. */
interface Place {
  page: Page
  /** The checkout's own document; another one after a wallet. */
  scope(): Page | Frame
  open(method: string): Promise<AskedFor>
}

const items = ['Kaya toast', 'Kopi', 'Laksa'].map((name) => ({ name, quantity: 1, price: 10 }))

/** What a payer perceives of a message: whether all of it is in view, how often it is announced, and where the keyboard is. */
async function perceived(scope: Page | Frame, text: string) {
  await scope.locator('[role=alert]').getByText(text).first().waitFor()
  return scope.evaluate((part) => {
    const isIn = (element: Element | null | undefined) => {
      const box = element?.getBoundingClientRect()
      return box !== undefined && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth
    }
    const announced = [...document.querySelectorAll('[role=alert]')].filter((one) => one.textContent?.includes(part))
    const { activeElement } = document
    return {
      announced: announced.length,
      isInView: isIn(announced[0]),
      focus: activeElement?.id || (activeElement === announced[0] ? 'message' : activeElement?.tagName),
      focusIsInView: isIn(activeElement),
    }
  }, text)
}

/** Fails unless the message is seen, announced once, followed by the focus, and repeated beside the button. */
async function expectSeen(scope: Page | Frame, text: string, focus = 'message'): Promise<void> {
  const expected = { announced: 1, isInView: true, focus, focusIsInView: true }
  await expect.poll(() => perceived(scope, text), { timeout: 5_000 }).toEqual(expected)
  const repeated = scope.locator('.form-check').getByText(text)
  const [note, button] = await Promise.all([repeated.boundingBox(), scope.locator('.method-panel :is(.button-primary, .qr-actions)').last().boundingBox()])
  expect([note !== null, (button?.y ?? 0) - ((note?.y ?? 0) + (note?.height ?? 0)) < 32]).toEqual([true, true])
}

/** Every failure that a payer meets on a checkout. */
async function expectEveryNotice({ page, scope, open }: Place): Promise<void> {
  await open('card')
  await payByCard(scope() as Page, '4000000000000002')
  await expectSeen(scope(), 'Your bank declined the payment.', 'card-number')
  const number = scope().getByLabel('Card number')
  expect([await number.inputValue(), await number.getAttribute('placeholder')]).toEqual(['', '•••• •••• •••• 0002'])
  await scope().getByText('Last tried: Visa ending in 0002').waitFor()
  await screenshot(page, `notice-declined-${page.viewportSize()?.width}`, { fullPage: false })
  await expectAccessible(page)

  // A wrong code asks for the code only; the second one pays with what is still in the other fields.
  await payByCard(scope() as Page, '4000000000000127')
  await expectSeen(scope(), 'The security code is not correct.', 'card-cvc')
  const values = ['Card number', 'Expiry date', 'Security code'].map((name) => scope().getByLabel(name).inputValue())
  expect(await Promise.all(values)).toEqual(['4000 0000 0000 0127', '08 / 30', ''])

  await scope().getByLabel('Security code').fill('12')
  await scope().getByRole('button', { name: /^Pay / }).click()
  // A field's own error is beside it, and the button says that there is one.
  await scope().getByRole('alert').getByText('Please check the marked fields.').waitFor()
  const error = scope().getByText('The security code of this card has 3 digits.')
  await expect.poll(() => scope().evaluate(() => document.activeElement?.id)).toBe('card-cvc')
  expect(await error.evaluate((one) => one.getBoundingClientRect().top >= 0 && one.getBoundingClientRect().bottom <= innerHeight)).toBe(true)

  allowFault(page, /tokens/, /attempts/, /codes/, /409/, /INTERNET_DISCONNECTED/)
  await page.context().route('**/sandbox/tokens', (route) => route.abort('connectionreset'))
  await payByCard(scope() as Page, '4242424242424242')
  await expectSeen(scope(), 'The card details could not be sent.')
  expect(await number.inputValue()).toBe('4242 4242 4242 4242')
  await page.context().unroute('**/sandbox/tokens')

  await page
    .context()
    .route('**/attempts', (route) => route.fulfill({ status: 409, json: { message: 'A payment is in progress.', code: 'payment_in_progress' } }))
  await payByCard(scope() as Page, '4242424242424242')
  await expectSeen(scope(), 'Another payment for this request is in progress.')
  await page.context().unroute('**/attempts')

  // Scrolled to the button, the payer sees that there is no connection, and keeps the keyboard.
  await scope().locator('.card-form button[type=submit]').scrollIntoViewIfNeeded()
  await page.context().setOffline(true)
  const offline = scope().getByRole('status').getByText('There is no connection at the moment.')
  await offline.waitFor()
  expect(await offline.evaluate((one) => one.getBoundingClientRect().top >= 0 && one.getBoundingClientRect().bottom <= innerHeight)).toBe(true)
  await page.context().setOffline(false)
  await expect.poll(() => offline.count()).toBe(0)

  await open('grabpay_direct')
  await scope().getByRole('button', { name: 'Continue to GrabPay' }).click()
  await scope().getByRole('button', { name: 'Decline', exact: true }).click()
  await scope().getByRole('button', { name: 'Continue to GrabPay' }).waitFor()
  await expectSeen(scope(), 'GrabPay declined the payment.')

  const request = await open('paynow_online')
  await scope().getByRole('img', { name: 'PayNow QR code' }).waitFor()
  await request.play({ method: 'paynow_online', outcome: 'failed' })
  await expectSeen(scope(), 'The payment was declined in your PayNow or banking app.')
  await request.play({ method: 'paynow_online', amount: '9.90' })
  await expectSeen(scope(), 'arrived, which is less than the amount due')
  await screenshot(page, `notice-short-${page.viewportSize()?.width}`, { fullPage: false })

  await page.context().route('**/codes', (route) => route.abort('connectionreset'))
  await open('paynow_online')
  await expect.poll(() => scope().evaluate(() => document.activeElement?.className)).toBe('failure')
  const notice = scope().locator('.failure:focus')
  expect(await notice.evaluate((one) => one.getBoundingClientRect().top >= 0 && one.getBoundingClientRect().bottom <= innerHeight)).toBe(true)
  await scope().getByRole('alert').getByText('The code could not be prepared.').waitFor()
  await page.context().unroute('**/codes')
}

// A journey through all of them, on machines of any speed.
describe('failures', { timeout: 150_000 }, () => {
  test.each([
    [390, 844],
    [375, 667],
    [360, 640],
  ])('every failure on a phone of %i × %i is in view, has the focus, is announced once and is repeated beside the button', async (width, height) => {
    const page = await aPage(street.server, { width, height })
    await expectEveryNotice({
      page,
      scope: () => page,
      async open(method) {
        const request = await aRequest(street.server, { line_items: items, reference_number: 'A-1' })
        await page.goto(`${request.path}?method=${method}`)
        return request
      },
    })
    await screenshot(page, `notice-code-${width}`, { fullPage: false })
  })

  test('every failure in the drop-in is in view, has the focus, is announced once and is repeated beside the button', async () => {
    const first = await aVisit(street, { width: 1280, height: 800 }, { standIn: false })
    const { page } = first
    await expectEveryNotice({
      page,
      scope: () => page.frames().find((frame) => frame.url().includes('embed=1') || frame.url().includes('/sandbox/')) ?? page.mainFrame(),
      async open(method) {
        const request = await aRequest(street.server, { line_items: items, reference_number: 'A-1' })
        await page.reload()
        await start({ ...first, link: `${street.server.url}/payment-request/@${request.client.business.slug}/` })
        await toggle(first, { paymentRequest: request.id, method })
        await checkoutIn(page)
        await dropIn(page).contentFrame().locator('body[data-view="checkout"]').waitFor()
        return request
      },
    })
  })
})

test('a decline at the bank’s page names the card that it was', async () => {
  const request = await aRequest(street.server, { payment_methods: ['card'] })
  const page = await aPage(street.server, { width: 390, height: 844 })
  await page.goto(request.path)
  await payByCard(page, '4000000000003220')
  await page.getByRole('button', { name: 'No, authentication fails' }).click()
  await expectSeen(page, 'Your bank could not confirm that it was you.', 'card-number')
  expect(await page.getByLabel('Card number').getAttribute('placeholder')).toBe('•••• •••• •••• 3220')
})

test('a refusal of a default link’s form has the focus in its first wrong field, even without a script', async () => {
  for (const javaScript of [true, false]) {
    const page = await aPage(street.server, { width: 390, height: 844, javaScript, expected: [/422/] })
    const { client } = await aRequest(street.server)
    await page.goto(`/payment-request/@${client.business.slug}/`)
    await page.getByLabel('Amount').fill('5')
    await page.getByLabel('Email').fill('nobody')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Enter a complete email address, for example name@example.com.').waitFor()
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('email')
    await page.getByRole('alert').getByText('Please check the marked fields.').waitFor()
  }
})
