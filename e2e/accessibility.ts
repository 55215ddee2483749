import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** WCAG 2.2 AA and what it stands on. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Fails when axe finds a violation of WCAG 2.2 AA in the page or in a frame of it, naming each element. */
export async function expectAccessible(page: Page, { within }: { within?: string } = {}): Promise<void> {
  for (const frame of page.frames()) {
    await frame.evaluate(axe.source)
    await frame.evaluate(() => window.axe.configure({ allowedOrigins: ['<unsafe_all_origins>'] }))
  }
  const { violations, passes } = await page.evaluate(
    ([where, values]): Promise<AxeResults> =>
      window.axe.run(where ? { include: [where] } : document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] }),
    [within, tags] as const,
  )
  if (passes.length === 0) throw new Error(`axe found nothing to look at on ${page.url()}`)
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  ${target.join(' > ')}\n  ${failureSummary?.replaceAll('\n', '\n  ')}`),
  )
  if (found.length > 0) throw new Error(`${found.length} faults of accessibility on ${page.url()}\n${found.join('\n')}`)
}

declare global {
  interface Window {
    axe: typeof axe
  }
}
