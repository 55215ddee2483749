import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** Less than half the size of `axe.source`, and equivalent. */
const script = `${readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')}
axe.configure({ allowedOrigins: ['<unsafe_all_origins>'] })`

/** WCAG 2.2 AA and the levels it builds on; in addition, all content is in a landmark. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/**
 * Fails when axe finds a violation of WCAG 2.2 AA in the page or in one of its frames, naming each element. With `colors`, it
 * checks only the contrast: for a page that was checked before and has changed its colors.
 */
export async function expectAccessible(page: Page, { within, colors = false }: { within?: string; colors?: boolean } = {}): Promise<void> {
  for (const frame of page.frames()) {
    if (!(await frame.evaluate(() => 'axe' in window))) await frame.evaluate(script)
  }
  const { violations, passes } = await page.evaluate(
    ([where, runOnly]): Promise<AxeResults> =>
      window.axe.run(where ? { include: [where] } : document, {
        runOnly,
        resultTypes: ['violations'],
        ...(runOnly.type === 'tag' ? { rules: { region: { enabled: true } } } : {}),
      }),
    [within, colors ? { type: 'rule' as const, values: ['color-contrast'] } : { type: 'tag' as const, values: tags }] as const,
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
