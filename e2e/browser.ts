import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core'
import { inject, onTestFinished } from 'vitest'
import { type Expected, faultsOf, guardPages, soon } from './page-guard.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

let connected: Promise<Browser> | undefined

/** The worker's Chromium, with one connection to it. */
export function theBrowser(): Promise<Browser> {
  const browser = inject('browser')
  if ('missing' in browser) throw new Error(browser.missing)
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 1)
  const endpoint = browser.endpoints[(worker - 1) % browser.endpoints.length] as string
  connected ??= chromium.connect(endpoint)
  return connected
}

export interface PageOptions {
  width?: number
  height?: number
  /** What the payer's browser asks for, as in `Accept-Language`. */
  language?: string
  colorScheme?: 'light' | 'dark'
  reducedMotion?: 'reduce' | 'no-preference'
  /** Without it a page shows what the server wrote. */
  javaScript?: boolean
  /** Origins that the page may ask, beside the server's. */
  origins?: string[]
  /** Faults that belong to the journey; they have to happen. `expectFault` adds one later. */
  expected?: Expected[]
}

/**
 * A page of a browser of its own (cookies, storage, cache) at a server. The test fails when anything goes wrong in it
 * that was not expected, and then says where pictures and HTML of its pages are.
 */
export async function aPage(server: { url: string }, options: PageOptions = {}): Promise<Page> {
  const { width = 1280, height = width < 600 ? 720 : 900, language = 'en-SG', javaScript = true, origins = [], expected = [] } = options
  const context = await (await theBrowser()).newContext({
    baseURL: server.url,
    viewport: { width, height },
    locale: language,
    timezoneId: 'Asia/Singapore',
    colorScheme: options.colorScheme ?? 'light',
    // Without transitions a picture or a contrast is not of a moment in between.
    reducedMotion: options.reducedMotion ?? 'reduce',
    javaScriptEnabled: javaScript,
    hasTouch: width < 600,
  })
  context.setDefaultTimeout(20_000)
  await guardPages(context, { origins: [new URL(server.url).origin, ...origins], expected })
  const page = await context.newPage()
  onTestFinished(async ({ task }) => {
    try {
      const faults = await faultsOf(page)
      if (faults.length === 0 && task.result?.state !== 'fail') return
      const folder = await keepPages(context, task.name)
      throw new Error([...faults, `The pages as they were at the end: ${folder}`].join('\n'))
    } finally {
      await context.close()
    }
  })
  return page
}

/** Writes a context's pages, as pictures and as HTML, into a new folder. */
async function keepPages(context: BrowserContext, name: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), `hawker-browser-${name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 60)}-`))
  for (const [i, page] of context.pages().entries()) {
    // A page that hangs or has crashed keeps nothing from being told.
    await page.screenshot({ path: join(folder, `page-${i + 1}.png`), fullPage: true, timeout: 5_000 }).catch(() => undefined)
    const html = (await soon(page.content())) ?? 'The page did not answer.'
    writeFileSync(join(folder, `page-${i + 1}.html`), `<!-- ${page.url()} -->\n${html}`)
  }
  return folder
}

type Role = Parameters<Page['getByRole']>[0]

/** Presses Tab until the control has the focus, as a payer without a mouse does. */
export async function tabTo(page: Page, role: Role, name: string | RegExp, { backwards = false, atMost = 80 } = {}): Promise<Locator> {
  const control = page.getByRole(role, { name, ...(typeof name === 'string' ? { exact: true } : {}) })
  const passed: string[] = []
  for (let presses = 0; presses < atMost; presses += 1) {
    await page.keyboard.press(backwards ? 'Shift+Tab' : 'Tab')
    if (await control.evaluate((element) => element === element.ownerDocument.activeElement)) return control
    passed.push(await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 80) ?? ''))
  }
  throw new Error(`${atMost} presses of Tab do not reach the ${role} ${name}; they went over:\n${[...new Set(passed)].join('\n')}`)
}

const wanted = process.env['HAWKER_SCREENSHOTS'] === '1'

/** Writes a picture of the page when pictures are asked for (`npm run screenshots`): to `web/screenshots`, or with `to: 'docs'` for a document. */
export async function screenshot(
  page: Page,
  name: string,
  { to = 'web/screenshots', fullPage = true }: { to?: string; fullPage?: boolean } = {},
): Promise<void> {
  if (!wanted) return
  const path = join(root, to, `${name}.png`)
  mkdirSync(dirname(path), { recursive: true })
  await page.screenshot({ path, fullPage, animations: 'disabled' })
}

/** The same on a phone and on a desktop, in light and in dark; the page is afterwards as it was. */
export async function screenshots(page: Page, name: string): Promise<void> {
  if (!wanted) return
  const size = page.viewportSize()
  const isDark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches)
  for (const [width, height] of [
    [320, 720],
    [1280, 900],
  ] as const) {
    await page.setViewportSize({ width, height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await screenshot(page, `${name}-${width}${colorScheme === 'dark' ? '-dark' : ''}`)
    }
  }
  await page.emulateMedia({ colorScheme: isDark ? 'dark' : 'light' })
  if (size) await page.setViewportSize(size)
}
