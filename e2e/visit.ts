import type { FrameLocator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { aBusiness, type Client, type TestServer } from '../server/src/testing/api.ts'

/** Every language of what a payer sees. */
export const languages = ['en', 'zh-Hans', 'ms', 'id', 'th', 'vi', 'ta']

const everyStatus = 'pending,requires_customer_action,succeeded,partially_refunded,refunded,failed,canceled'

/** A payment request of a new business, and what its merchant sees of it. */
export interface AskedFor {
  client: Client
  id: string
  /** The URL of its checkout. */
  path: string
  /** Acts as the payer, without a browser. */
  play(body: object): Promise<unknown>
  /** Fails unless the request is completed and exactly one of its payments is applied; others may exist as `besides` says, by their status. */
  expectPaidOnce(besides?: string[]): Promise<void>
}

/** Creates a payment request: for card, PayNow and a wallet by default. */
export async function aRequest(server: TestServer, more: object = {}): Promise<AskedFor> {
  const client = await aBusiness({ name: 'Kopi & Toast' }, server)
  const { json, status, text } = await client.post('/v1/payment-requests', {
    amount: '49.90',
    currency: 'sgd',
    purpose: 'Order 1042',
    payment_methods: ['card', 'paynow_online', 'grabpay_direct'],
    ...more,
  })
  expect(status, text).toBe(201)
  const { id, url } = json
  return {
    client,
    id,
    path: new URL(url).pathname,
    play: (body) => client.post(`/v1/sandbox/payment-requests/${id}/pay`, body),
    async expectPaidOnce(besides = []) {
      expect((await client.get(`/v1/payment-requests/${id}`)).json).toMatchObject({ status: 'completed' })
      const charges: { status: string; unapplied_reason: string | null }[] = (await client.get(`/v1/charges?payment_request_id=${id}&statuses=${everyStatus}`))
        .json.data
      const counts = charges.filter((one) => one.status === 'succeeded' && one.unapplied_reason === null)
      expect(counts.length).toBe(1)
      const others = charges.filter((one) => !counts.includes(one)).map((one) => one.unapplied_reason ?? one.status)
      expect(others.sort()).toEqual([...besides].sort())
    },
  }
}

/** Fills in a card and pays, on a checkout or in a frame that shows one. */
export async function payByCard(page: Page | FrameLocator, number: string): Promise<void> {
  await page.getByLabel('Card number').fill(number)
  await page.getByLabel('Expiry date').fill('08/30')
  await page.getByLabel('Security code').fill('123')
  await page.getByRole('button', { name: /^Pay / }).click()
}

/** Whether a page can be read without scrolling sideways. */
export const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)

/** Pastes a picture into a page, like a payer: again, until the page's script is ready for it and takes it. */
export const paste = (page: Page, picture: Buffer) =>
  page.waitForFunction((base64) => {
    const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([bytes], 'code.png', { type: 'image/png' }))
    return !document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, picture.toString('base64'))
