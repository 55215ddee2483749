import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBusiness } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { aPage, screenshot } from './browser.ts'

let server: WorkingServer

beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

/** Texts that cannot be broken where words end. */
const long = {
  ws: 'W'.repeat(90),
  url: `https://shop.example.com/${'orders-2026-11-'.repeat(3)}`.padEnd(62, 'x').slice(0, 62),
  thai: 'กาแฟโบราณใส่นมข้นหวานเย็นพิเศษ'.repeat(3),
  mixed: 'Donaudampfschifffahrtsgesellschaftskapitänsmütze 👩‍👩‍👧‍👧👩‍👩‍👧‍👧👩‍👩‍👧‍👧👩‍👩‍👧‍👧👩‍👩‍👧‍👧 שלום',
}

const widths = [320, 390, 768, 1280]

/** What sticks out of the page or of the part of it that it belongs to. */
async function sticksOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = document.documentElement.scrollWidth > innerWidth ? [`the page is ${document.documentElement.scrollWidth} wide`] : []
    const parts = '.summary, .payment, .panel, .notice, .sheet, .card, .screen, main'
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      if (element.closest('.visually-hidden, svg, details:not([open]) > :not(summary)')) continue
      const box = element.getBoundingClientRect()
      if (box.width === 0 || box.height === 0) continue
      const part = element.parentElement?.closest(parts)?.getBoundingClientRect()
      const most = Math.min(innerWidth, part ? part.right : innerWidth)
      if (box.right > most + 1 || box.left < -1)
        found.push(`${element.tagName}.${element.className} ends at ${box.right} of ${most}: ${element.textContent?.slice(0, 30)}`)
    }
    return found
  })
}

async function expectWithin(page: Page, name: string): Promise<void> {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 })
    expect([name, width, await sticksOut(page)]).toEqual([name, width, []])
    await screenshot(page, `long-${name}-${width}`)
  }
}

// Every page at every width, on machines of any speed.
describe('long texts', { timeout: 150_000 }, () => {
  test.each(Object.entries(long))('no text of any field widens a page: %s', async (kind, text) => {
    const client = await aBusiness({ name: text }, server)
    await client.patch('/v1/checkout-settings', {
      display_name: kind === 'ws' ? 'W'.repeat(30) : text.slice(0, 60),
      support_email: `${'w'.repeat(60)}@example.com`,
      legal_name: text,
      registration_number: 'W'.repeat(64),
      address: text.repeat(2),
    })
    const make = async (more: object = {}) => {
      const {
        json,
        status,
        text: said,
      } = await client.post('/v1/payment-requests', {
        amount: '999999.99',
        currency: 'sgd',
        purpose: text,
        reference_number: text,
        redirect_url: `https://${'w'.repeat(50)}.example.com/${'w'.repeat(100)}`,
        payment_methods: ['card', 'paynow_online', 'grabpay_direct'],
        line_items: [
          { name: text, quantity: 1_000_000, price: 999_999.99 },
          { name: text, quantity: 3 },
          { name: text, quantity: 1, price: 999_999.99 },
        ],
        ...more,
      })
      expect(status, said).toBe(201)
      return { id: json.id as string, path: new URL(json.url).pathname }
    }
    const play = async (id: string, body: object) => (await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { name: text.slice(0, 90), ...body })).json
    const page = await aPage(server, { width: 320, expected: [/404/] })
    const look = async (name: string, path: string) => {
      await page.goto(path)
      await page.locator('h1, h2').first().waitFor()
      await expectWithin(page, `${name}-${kind}`)
    }
    const open = await make()
    await look('card', `${open.path}?method=card`)
    await look('code', `${open.path}?method=paynow_online`)
    await play(open.id, { method: 'paynow_online', amount: '9.90' })
    await look('short', `${open.path}?method=grabpay_direct`)
    const wallet = await play(open.id, { method: 'grabpay_direct', interactive: true })
    await look('wallet', new URL(wallet.action_url).pathname)
    const challenge = await play((await make()).id, { method: 'card', card: '4000002760003184', interactive: true })
    await look('challenge', new URL(challenge.action_url).pathname)
    const paid = await make({ send_email: true, email: `${'w'.repeat(50)}@example.com` })
    const { payment_id } = await play(paid.id, { method: 'card' })
    await look('paid', paid.path)
    await look('receipt', new URL((await client.get(`/v1/charges/${payment_id}/receipt`)).json.url).pathname)
    const [mail] = (await client.get('/v1/sandbox/mails?per_page=1')).json.data
    await page.goto('about:blank')
    await page.setContent(mail.html)
    await expectWithin(page, `mail-${kind}`)
    await client.post('/v1/refund', { payment_id, amount: '0.01' })
    await look('refunded', paid.path)
    const closed = await make()
    await client.delete(`/v1/payment-requests/${closed.id}`)
    await look('canceled', closed.path)
    await look('link', `/payment-request/@${client.business.slug}/`)
    await look('not-found', `/payment-request/@${client.business.slug}/${crypto.randomUUID()}/checkout`)
    const { json } = await client.post('/v1/payment-requests', {
      amount: '12.50',
      currency: 'sgd',
      purpose: text,
      payment_methods: ['paynow_online'],
      generate_qr: true,
    })
    await look('phone', `/sandbox/phone#code=${encodeURIComponent(json.qr_code_data.qr_code)}`)
  })

  test.each([
    ['sgd', '999999999.99'],
    ['idr', '999999999'],
    ['vnd', '999999999'],
    ['usd', '999999999.99'],
  ])('the largest amounts of %s stay on one line on every page', async (currency, amount) => {
    const client = await aBusiness({ name: 'Kopi & Toast' }, server)
    const page = await aPage(server, { width: 320 })
    const { json } = await client.post('/v1/payment-requests', {
      amount,
      currency,
      payment_methods: ['card'],
      line_items: [{ name: 'Laksa', quantity: 1, price: Number(amount) }],
    })
    const look = async (path: string) => {
      await page.goto(path)
      for (const width of widths) {
        await page.setViewportSize({ width, height: 844 })
        const lines = await page
          .locator('.amount-due, .money, .amount')
          .evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().height / Number.parseFloat(getComputedStyle(one).lineHeight))))
        expect([width, lines.length > 0, lines.filter((count) => count > 1), await sticksOut(page)]).toEqual([width, true, [], []])
      }
    }
    const { pathname } = new URL(json.url)
    for (const language of ['en', 'id', 'ta']) await look(`${pathname}?method=card&lang=${language}`)
    const paid = (await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, { method: 'card' })).json
    await look(pathname)
    const receipt = new URL((await client.get(`/v1/charges/${paid.payment_id}/receipt`)).json.url).pathname
    for (const language of ['en', 'vi']) await look(`${receipt}?lang=${language}`)
  })
})
