import type { Frame, Page } from 'playwright-core'
import { aBusiness, type Client } from '../server/src/testing/api.ts'
import { startWorkingServer, type WorkingServer } from '../server/src/testing/working-server.ts'
import { aPage, type PageOptions } from './browser.ts'
import { aForeignSite, type ForeignSite } from './foreign-site.ts'

declare global {
  interface Window {
    told: unknown[]
  }
}

/** A server, and a merchant's site of another origin whose page has the drop-in. */
export interface Street {
  server: WorkingServer
  site: ForeignSite
  stop(): Promise<void>
}

/** Starts both; the merchant's page has a strict policy, with the lines of docs/drop-in.md. */
export async function aStreet(): Promise<Street> {
  const [server, site] = await Promise.all([startWorkingServer(), aForeignSite()])
  const { url } = server
  site.show('/', shop(url), { 'content-security-policy': `default-src 'none'; script-src 'unsafe-inline' ${url}; frame-src ${url}` })
  return {
    server,
    site,
    async stop() {
      await site.stop()
      await server.stop()
    },
  }
}

/** A merchant's page; the drop-in's calls are recorded in `told`. */
export const shop = (url: string) => `<!doctype html><html lang="en"><head><title>Shop</title><script src="${url}/hitpay.js"></script></head>
<body><main><h1>Shop</h1><button id="pay">Pay</button></main>
<script>
  window.told = []
  window.tellers = (name = '') => ({
    onClose: (...data) => told.push([name + 'close', ...data]),
    onSuccess: (...data) => told.push([name + 'success', ...data]),
    onError: (...data) => told.push([name + 'error', ...data]),
  })
</script></body></html>`

/**
 * The checkout's script, reduced to what it reports to the frame: what its state says, now and after each change. A payer's
 * clicks are tested with the checkout's own tests.
 */
export const standInScript = `
  const { state } = JSON.parse(document.getElementById('data').textContent)
  const say = ({ request, paid }) => {
    if (request && paid) parent.postMessage({ type: 'success', payment_request_id: request.id, status: request.status, reference_number: request.reference_number }, location.origin)
  }
  parent.postMessage({ type: 'loaded' }, location.origin)
  say(state)
  if (state.request) new EventSource(location.pathname.replace('checkout', 'events')).addEventListener('state', ({ data }) => say(JSON.parse(data)))
`

export interface Visit {
  street: Street
  page: Page
  client: Client
  /** The business's link. */
  link: string
  /** A payment request of the business. */
  id: string
  pay(id?: string): Promise<unknown>
}

/** A payer on a merchant's page. */
export async function aVisit(
  street: Street,
  options: PageOptions = {},
  { standIn = true, ...more }: { standIn?: boolean } & Record<string, unknown> = {},
): Promise<Visit> {
  const { server, site } = street
  const client = await aBusiness({ name: 'Kopi & Toast' }, server)
  const page = await aPage(site, { ...options, origins: [server.url] })
  if (standIn) await page.context().route(/\/assets\/checkout-[^/]*\.js$/, (route) => route.fulfill({ contentType: 'text/javascript', body: standInScript }))
  await page.goto('/')
  const { json } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd', reference_number: 'A-1', ...more })
  return {
    street,
    page,
    client,
    link: `${server.url}/payment-request/@${client.business.slug}/`,
    id: json.id,
    pay: (id = json.id) => client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'card' }),
  }
}

/** Runs a script of the merchant's page, with `args` to use. */
export const run = <Args>(page: Page, script: string, args?: Args) => page.evaluate(`((args) => { ${script} })(${JSON.stringify(args ?? {})})`)

/** Like HitPay's plug-ins: callbacks last, the host with its port. */
export const start = ({ page, link, street }: Visit, more: Record<string, unknown> = {}) =>
  run(page, 'HitPay.init(args.link, { scheme: "http", domain: args.host, apiDomain: args.host, ...args.more }, tellers())', {
    link,
    host: new URL(street.server.url).host,
    more,
  })
export const toggle = ({ page }: Visit, options: object) => run(page, 'HitPay.toggle(args)', options)
export const told = (page: Page) => page.evaluate(() => window.told)
export const overflow = (page: Page) => page.evaluate(() => document.body.style.overflow)

export const dropIn = (page: Page) => page.locator('iframe[src$="/hitpay-iframe.html"]')
export const frameOf = (page: Page): Frame => {
  const frame = page.frames().find((one) => one.url().endsWith('/hitpay-iframe.html'))
  if (!frame) throw new Error('there is no drop-in')
  return frame
}
/** The checkout in the drop-in, once it has reported that it is there. */
export async function checkoutIn(page: Page): Promise<Frame> {
  await dropIn(page).contentFrame().locator('body[data-view="checkout"]').waitFor()
  const [frame] = frameOf(page).childFrames()
  if (!frame) throw new Error('there is no checkout')
  return frame
}
export const focused = (page: Page) => page.evaluate(() => document.activeElement?.id)
export const isOpen = (page: Page) => dropIn(page).isVisible()
