import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { aBusiness } from '../server/src/testing/api.ts'
import { fakeMerchant } from '../server/src/testing/fake-merchant.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { expectAccessible } from './accessibility.ts'
import { aPage, screenshot, tabTo } from './browser.ts'
import { aForeignSite, type ForeignSite } from './foreign-site.ts'
import { expectFault, faultsOf } from './page-guard.ts'

let server: WorkingServer
let site: ForeignSite

beforeAll(async () => {
  ;[server, site] = await Promise.all([startWorkingServer(), aForeignSite()])
})
afterAll(async () => {
  await site.stop()
  await server.stop()
})

const html = (body: string) => `<!doctype html><html lang="en"><head><title>A page</title></head><body><main>${body}</main></body></html>`

/** The faults of a page that the test did not expect. */
async function unseen(page: Page, beginnings: string[]): Promise<string[]> {
  const faults = await faultsOf(page)
  return beginnings.filter((beginning) => !faults.some((fault) => fault.startsWith(beginning)))
}

describe('the API reference', () => {
  test('the API reference loads without errors', async () => {
    const page = await aPage(server)
    await page.goto('/docs')
    await page.getByText('/v1/customers', { exact: true }).first().waitFor()
    await screenshot(page, 'reference', { fullPage: false })
  })

  test('the API reference without JavaScript says where the document is', async () => {
    const page = await aPage(server, { javaScript: false, width: 320 })
    await page.goto('/docs')
    await page.getByRole('link', { name: '/openapi.json' }).waitFor()
  })
})

describe('pages of the browser', () => {
  test('a page has the language, the color scheme and the size that were requested', async () => {
    site.show('/', html('A page'))
    const page = await aPage(site, { language: 'ta', colorScheme: 'dark', width: 320 })
    await page.goto('/')
    const seen = () => [navigator.language, innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('(prefers-reduced-motion)').matches]
    expect(await page.evaluate(seen)).toEqual(['ta', 320, true, true])
  })

  test('a page shares nothing with another page', async () => {
    site.show('/', html('A page'))
    const [one, other] = await Promise.all([aPage(site), aPage(site)])
    await Promise.all([one.goto('/'), other.goto('/')])
    await one.evaluate(() => localStorage.setItem('seen', 'yes'))
    expect(await other.evaluate(() => localStorage.getItem('seen'))).toBeNull()
  })
})

describe('the page guard', () => {
  test('the page guard reports errors in a page and in its frames', async () => {
    const bodies = {
      'console error: no such coupon': '<script>console.error("no such coupon")</script>',
      'uncaught error: Error: no such card': '<script>setTimeout(() => { throw new Error("no such card") })</script>',
      'uncaught error: Error: no such bank': '<script>Promise.reject(new Error("no such bank"))</script>',
      'console error: Failed to load resource: the server responded with a status of 404': '<img alt="" src="/logo.png">',
      'failed request: GET http://127.0.0.1:9/logo.png': '<img alt="" src="http://127.0.0.1:9/logo.png">',
      'request to another origin: GET https://example.com/logo.png': '<img alt="" src="https://example.com/logo.png">',
      'console error: in a frame': `<iframe title="x" srcdoc="<script>console.error('in a frame')</script>"></iframe>`,
    }
    site.show('/', html(Object.values(bodies).join('')))
    const page = await aPage(site)
    await page.goto('/')
    await expect.poll(() => unseen(page, Object.keys(bodies))).toEqual([])
    expectFault(page, ...(await faultsOf(page)))
  })

  test('the page guard reports violations of the Content-Security-Policy, also in second tabs', async () => {
    site.show('/', html('<p style="color: red">A page</p>'), { 'content-security-policy': "default-src 'none'" })
    const page = await aPage(site, { expected: [/Content-Security-Policy: style-src-attr forbids inline/, /violates the following Content Security Policy/] })
    const second = await page.context().newPage()
    await second.goto(`${site.url}/`)
    expect(await faultsOf(page)).toEqual([])
  })

  test.fails('the page guard fails a test whose page logs an error', async () => {
    site.show('/', html('<script>console.error("no such coupon")</script>'))
    await (await aPage(site)).goto('/')
  })

  test.fails('the page guard fails a test whose expected fault did not happen', async () => {
    site.show('/', html('A page'))
    const page = await aPage(site, { expected: ['no such coupon'] })
    await page.goto('/')
  })

  test('the page guard lets requests to an allowed origin pass', async () => {
    site.show('/', html(`<script>fetch('${server.url}/openapi.json').then(async (answer) => { document.title = (await answer.json()).info.title })</script>`))
    const page = await aPage(site, { origins: [server.url] })
    await page.goto('/')
    await expect.poll(() => page.title()).toBe('Hawker')
  })
})

describe('the accessibility check', () => {
  test('the accessibility check passes a page without faults, even under a strict policy', async () => {
    site.show('/', html('<h1>Pay</h1><button>Pay</button>'), { 'content-security-policy': "default-src 'self'" })
    const page = await aPage(site)
    await page.goto('/')
    await expectAccessible(page)
  })

  test('the accessibility check reports a button without a name and a field without a label in a frame of another origin', async () => {
    site.show('/frame', html('<input id="card">'))
    const other = await aForeignSite({ '/': html(`<button id="pay"></button><iframe title="Card" src="${site.url}/frame"></iframe>`) })
    onTestFinished(() => other.stop())
    const page = await aPage(other, { origins: [site.url] })
    await page.goto('/')
    const fault = await expectAccessible(page).then(String, String)
    expect(fault).toContain('2 faults of accessibility')
    expect(fault).toContain('button-name: Buttons must have discernible text\n  #pay')
    expect(fault).toContain('label: Form elements must have labels\n  iframe > #card')
  })

  test('the accessibility check reports text with too little contrast', async () => {
    site.show('/', html('<p style="color: #999">Kaya toast</p>'))
    const page = await aPage(site)
    await page.goto('/')
    await expect(expectAccessible(page)).rejects.toThrow('color-contrast')
  })
})

describe('keyboard navigation', () => {
  test('keyboard navigation reaches a button, and reports what it passed when it does not', async () => {
    site.show('/', html('<a href="/">Back</a><input aria-label="Card number"><button>Pay</button><button tabindex="-1">Hidden</button>'))
    const page = await aPage(site)
    await page.goto('/')
    expect(await (await tabTo(page, 'button', 'Pay')).textContent()).toBe('Pay')
    await tabTo(page, 'link', 'Back', { backwards: true })
    await expect(tabTo(page, 'button', 'Hidden', { atMost: 6 })).rejects.toThrow('<input aria-label="Card number">')
  })
})

describe('the server of a journey', () => {
  test('the server of a journey delivers a webhook for what happened over HTTP', async () => {
    const client = await aBusiness({}, server)
    const merchant = await fakeMerchant()
    onTestFinished(() => merchant.stop())
    await client.post('/v1/webhook-events', { name: 'Shop', url: merchant.url, event_types: ['customer.created'] })
    await client.post('/v1/customers', { email: 'jsmith@example.com', phone_number: '91234567' })
    await merchant.got(1)
    expect(merchant.received[0]?.body.toString()).toContain('jsmith@example.com')
  })
})
