import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot, screenshots, tabTo } from './browser.ts'
import { fits, paste } from './visit.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

async function aRequest(client: Client, method: string, more: Record<string, unknown> = {}) {
  const { json, status, text } = await client.post('/v1/payment-requests', {
    amount: '12.50',
    currency: 'sgd',
    payment_methods: [method],
    purpose: 'Kaya toast and kopi',
    ...more,
  })
  expect(status, text).toBe(201)
  return json
}

/** The code of a request as the picture that the checkout offers for saving. */
async function pictureOf(client: Client, id: string): Promise<Buffer> {
  const answer = await fetch(`${client.server.url}/payment-request/@${client.business.slug}/${id}/code.png?method=paynow_online`)
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

async function begin(client: Client, method: string, body: Record<string, unknown> = {}) {
  const { id } = await aRequest(client, method)
  const { json } = await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method, interactive: true, ...body })
  return { id: id as string, path: new URL(json.action_url).pathname }
}
const statusOf = async (client: Client, id: string) => (await client.get(`/v1/payment-requests/${id}`)).json.status

describe('the test phone', () => {
  test('the test phone pays a code from a pasted picture', async () => {
    const client = await aBusiness({ name: 'Kopi stall' }, server)
    const { id } = await aRequest(client, 'paynow_online', { expires_after: '30 mins' })
    const picture = await pictureOf(client, id)
    const page = await aPage(server)
    await page.goto('/sandbox/phone')
    await page.getByRole('heading', { name: 'Scan to pay' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'phone-scan')
    await paste(page, picture)
    await page.getByRole('heading', { name: 'Pay Kopi stall SGD 12.50' }).waitFor()
    await expectAccessible(page)
    await screenshots(page, 'phone-approve')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('The payment request is completed.').waitFor()
    await expectAccessible(page)
    await screenshots(page, 'phone-result')
    expect(await statusOf(client, id)).toBe('completed')
  })

  test('the test phone pays twice from a file, in dark mode on a phone, and the duplicate is recorded and refunded', async () => {
    const client = await aBusiness({ name: 'Kopi stall' }, server)
    const { id } = await aRequest(client, 'paynow_online', { expires_after: '30 mins' })
    const page = await aPage(server, { width: 320, colorScheme: 'dark' })
    await page.goto('/sandbox/phone')
    await page.locator('input[type=file]').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: await pictureOf(client, id) })
    await page.getByRole('checkbox', { name: 'Pays twice' }).check()
    await page.getByRole('checkbox', { name: 'Pays a different amount' }).check()
    await page.getByRole('checkbox', { name: 'Pays a different amount' }).uncheck()
    await expectAccessible(page)
    expect(await fits(page)).toBe(true)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Paid and refunded SGD 12.50' }).waitFor()
    await page.getByText('The payment request is completed.').waitFor()
    await expectAccessible(page)
  })

  test('the test phone reads the code in its URL and pays another amount by keyboard alone', async () => {
    const client = await aBusiness({ name: 'Kopi stall' }, server)
    const { id, qr_code_data } = await aRequest(client, 'paynow_online', { generate_qr: true })
    const page = await aPage(server)
    await page.goto(`/sandbox/phone#code=${encodeURIComponent(qr_code_data.qr_code)}`)
    await page.getByRole('heading', { name: /Pay Kopi stall/ }).waitFor()
    const other = await tabTo(page, 'checkbox', 'Pays a different amount')
    await other.press('Space')
    const amount = await tabTo(page, 'textbox', 'Amount in SGD')
    await amount.fill('9')
    await (await tabTo(page, 'button', 'Approve')).press('Enter')
    await page.getByRole('heading', { name: 'Paid, but not applied SGD 9.00' }).waitFor()
    expect(await statusOf(client, id)).toBe('pending')
  })

  test('the test phone explains what is wrong with what it was shown', async () => {
    const page = await aPage(server, { expected: [/status of 422/] })
    await page.goto('/sandbox/phone')
    await page.getByLabel('Text of the code').fill('https://example.com/menu')
    await page.getByRole('button', { name: 'Read the code' }).click()
    await page.getByRole('alert').getByText('This is a web address, not a payment code.').waitFor()
    const icon = { name: 'icon.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>') }
    await page.locator('input[type=file]').setInputFiles(icon)
    await page.getByRole('alert').getByText('There is no QR code in this picture.').waitFor()
    await page.locator('input[type=file]').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('text') })
    await page.getByRole('alert').getByText('This file is not a readable picture.').waitFor()
    await screenshots(page, 'phone-fault')
  })
})

describe("the simulator's wallet and bank pages", () => {
  test("the simulator's wallet and bank pages accept an answer without any script", async () => {
    const client = await aBusiness({ name: 'Kopi stall' }, server)
    const { id, path } = await begin(client, 'grabpay_direct')
    const page = await aPage(server, { javaScript: false })
    // The form's target is only checked, not followed: the checkout has its own journey.
    await page.route(`**${path}`, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const answer = await route.fetch({ maxRedirects: 0 })
      await route.fulfill({ contentType: 'text/html', body: `<p>${answer.status()} ${answer.headers().location}</p>` })
    })
    await page.goto(path)
    await screenshot(page, 'simulated-wallet')
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText(`303 ${server.url}/payment-request/@${client.business.slug}/${id}/checkout`).waitFor()
    expect(await statusOf(client, id)).toBe('completed')
    await page.goto(path)
    await page.getByText('This payment has already been answered').waitFor()
    await screenshot(page, 'simulated-wallet-answered')
  })

  test.each([
    ['light', 1280],
    ['dark', 320],
  ] as const)("the simulator's wallet and bank pages are accessible, %s and %s wide", async (colorScheme, width) => {
    const client = await aBusiness({ name: 'Kopi stall' }, server)
    const wallet = await begin(client, 'grabpay_direct')
    const paid = await begin(client, 'grabpay_direct')
    await client.post(`/v1/sandbox/payment-requests/${paid.id}/pay`, {})
    const challenge = await begin(client, 'card', { card: '4000002760003184' })
    const page = await aPage(server, { width, colorScheme })
    for (const [name, path] of Object.entries({ wallet: wallet.path, 'wallet-paid': paid.path, challenge: challenge.path })) {
      await page.goto(path)
      await page.getByText('No money moves here.').waitFor()
      await expectAccessible(page)
      expect(await fits(page)).toBe(true)
      await screenshot(page, `simulated-${name}-${width}`)
    }
    await page.getByRole('button', { name: /authentication fails/ }).click()
    await page.waitForURL(`**/${challenge.id}/checkout`)
  })
})
