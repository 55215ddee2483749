import type { BrowserContext, Page } from 'playwright-core'

/** Something that happened in a page and that a correct page does not do. */
export type Expected = string | RegExp

interface Guard {
  faults: string[]
  expected: Expected[]
  allowed: Expected[]
}

const guards = new WeakMap<BrowserContext, Guard>()

function guardOf(page: Page): Guard {
  const guard = guards.get(page.context())
  if (!guard) throw new Error('the page was not made by aPage()')
  return guard
}

/** Runs in each page and frame before anything else. */
function tellViolations() {
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile }) => {
    // biome-ignore lint/suspicious/noConsole: it speaks to the page's console, where the guard listens
    console.error(`Content-Security-Policy: ${effectiveDirective} forbids ${blockedURI} (${sourceFile || document.location.href})`)
  })
}

/** Records what goes wrong in any page of a context, including second tabs and frames. */
export async function guardPages(context: BrowserContext, { origins, expected }: { origins: string[]; expected: Expected[] }): Promise<void> {
  const guard: Guard = { faults: [], expected: [...expected], allowed: [] }
  guards.set(context, guard)
  const note = (fault: string) => guard.faults.push(fault)
  await context.addInitScript(tellViolations)
  context.on('console', (message) => {
    if (message.type() !== 'error') return
    const { url, lineNumber } = message.location()
    note(`console error: ${message.text()}${url ? ` (${url}:${lineNumber})` : ''}`)
  })
  context.on('weberror', (error) => note(`uncaught error: ${error.error().stack ?? error.error().message}`))
  context.on('requestfailed', (request) => {
    const why = request.failure()?.errorText
    // Requests in flight when a page is left or closed, such as an open event stream, end as aborted. Policy violations have
    // an event of their own; where scripts are disabled, preloaded ones are refused with the same message.
    if (why !== 'net::ERR_ABORTED' && why !== 'csp') note(`failed request: ${request.method()} ${request.url()} (${why})`)
  })
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (/^https?:$/.test(url.protocol) && !origins.includes(url.origin)) note(`request to another origin: ${request.method()} ${request.url()}`)
  })
}

const fits = (fault: string, expected: Expected) => (typeof expected === 'string' ? fault.includes(expected) : expected.test(fault))

/** Allows a fault, and fails the test if it does not happen. */
export function expectFault(page: Page, ...expected: Expected[]): void {
  guardOf(page).expected.push(...expected)
}

/** Allows a fault that depends on a race. */
export function allowFault(page: Page, ...allowed: Expected[]): void {
  guardOf(page).allowed.push(...allowed)
}

/** The result of a page, unless it is too busy (a dialog, an endless loop) to respond soon. */
export function soon<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  const patience = new Promise<undefined>((done) => setTimeout(done, 3_000, undefined).unref())
  return Promise.race([answer.catch(() => undefined), patience])
}

/** What went wrong unexpectedly, and what was expected and did not happen. */
export async function faultsOf(page: Page): Promise<string[]> {
  const { faults, expected, allowed } = guardOf(page)
  // The pages' messages are here before their answer to this is.
  await Promise.all(
    page
      .context()
      .pages()
      .map((one) => soon(one.title())),
  )
  return [
    ...faults.filter((fault) => ![...expected, ...allowed].some((one) => fits(fault, one))),
    ...expected.filter((one) => !faults.some((fault) => fits(fault, one))).map((one) => `expected, and did not happen: ${one}`),
  ]
}
