import type { BrowserContext, Page } from 'playwright-core'

/** Something that happened in a page which a finished page does not do. */
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

/** Writes down what goes wrong in any page of a context, second tabs and frames included. */
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
    // What a page had under way when it was left or closed, an open event stream for one, ends as aborted. What a policy forbids
    // is noted by an event of its own; where scripts are switched off, preloaded ones are refused in the same words.
    if (why !== 'net::ERR_ABORTED' && why !== 'csp') note(`failed request: ${request.method()} ${request.url()} (${why})`)
  })
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (/^https?:$/.test(url.protocol) && !origins.includes(url.origin)) note(`request to another origin: ${request.method()} ${request.url()}`)
  })
}

const fits = (fault: string, expected: Expected) => (typeof expected === 'string' ? fault.includes(expected) : expected.test(fault))

/** Lets a fault happen, and makes the test fail when it does not. */
export function expectFault(page: Page, ...expected: Expected[]): void {
  guardOf(page).expected.push(...expected)
}

/** Lets a fault happen that depends on who comes first. */
export function allowFault(page: Page, ...allowed: Expected[]): void {
  guardOf(page).allowed.push(...allowed)
}

/** What a page answers, unless it is too busy (a dialog, an endless loop) to answer soon. */
export function soon<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  const patience = new Promise<undefined>((done) => setTimeout(done, 3_000, undefined).unref())
  return Promise.race([answer.catch(() => undefined), patience])
}

/** What went wrong and was not expected, and what was expected and did not happen. */
export async function faultsOf(page: Page): Promise<string[]> {
  const { faults, expected, allowed } = guardOf(page)
  // What the pages have sent is here before their answer to this is.
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
