import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectAccessible } from './accessibility.ts'
import { screenshots } from './browser.ts'
import { aStreet, aVisit, checkoutIn, dropIn, isOpen, type Street, start, toggle, told } from './drop-in.ts'
import { payByCard } from './visit.ts'

let street: Street
beforeAll(async () => {
  street = await aStreet()
})
afterAll(() => street.stop())

describe('the checkout in the drop-in', () => {
  /** The drop-in with one of our payer's pages in it. */
  async function opened(more: object) {
    const visit = await aVisit(street, {}, { standIn: false, email: 'jane@example.com', ...more })
    await start(visit)
    await toggle(visit, { paymentRequest: visit.id })
    await checkoutIn(visit.page)
    return { ...visit, checkout: dropIn(visit.page).contentFrame().locator('iframe').contentFrame() }
  }
  type Opened = Awaited<ReturnType<typeof opened>>
  const isTold = ({ page, id }: Opened) =>
    expect.poll(() => told(page)).toEqual([['success', { payment_request_id: id, status: 'completed', reference_number: 'A-1' }]])
  test('the checkout in the drop-in reports a payment made elsewhere', async () => {
    const visit = await opened({ payment_methods: ['card', 'paynow_online'] })
    await screenshots(visit.page, 'drop-in')
    await visit.pay()
    await isTold(visit)
    await expectAccessible(visit.page)
  })

  test('the checkout in the drop-in accepts a card that requires 3-D Secure', async () => {
    const visit = await opened({ payment_methods: ['card'] })
    await payByCard(visit.checkout, '4000000000003220')
    await visit.checkout.getByRole('button', { name: 'Yes, authentication passes' }).waitFor()
    // Where the checkout is gone, there is still a way out.
    await dropIn(visit.page).contentFrame().getByRole('button', { name: 'Close' }).waitFor()
    await visit.checkout.getByRole('button', { name: 'Yes, authentication passes' }).click()
    await isTold(visit)
  })

  test('the checkout in the drop-in goes to a wallet and comes back', async () => {
    const visit = await opened({ payment_methods: ['grabpay_direct'] })
    await visit.checkout.getByRole('button', { name: /^(Pay|Continue) / }).click()
    await visit.checkout.getByRole('button', { name: 'Approve', exact: true }).click()
    await isTold(visit)
  })

  test('the checkout in the drop-in reports a decline and closes with its own button', async () => {
    const visit = await opened({ payment_methods: ['card'] })
    await payByCard(visit.checkout, '4000000000000002')
    await expect.poll(() => told(visit.page)).toContainEqual(['error', expect.stringContaining('declined')])
    await visit.checkout.getByRole('button', { name: 'Close' }).click()
    await expect.poll(() => isOpen(visit.page)).toBe(false)
  })
})
