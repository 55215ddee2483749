import type { Business } from '#foundation/shared/business.ts'
import type { Clock } from '#foundation/shared/clock.ts'

/** Finds the business that a link names. */
export type FindBySlug = (slug: string) => Promise<Business | undefined>

/** As long as a key is remembered (`api-keys.ts`): how long another process's change of a business may go unseen. */
const rememberedMs = 5_000
const maxRemembered = 10_000

/** Looks up through `find` and caches what was found for a few seconds; what was not found is looked up again. */
export function rememberSlugs(find: FindBySlug, clock: Clock): FindBySlug {
  const remembered = new Map<string, { business: Business; until: number }>()
  return async (slug) => {
    const entry = remembered.get(slug)
    const at = clock.system().getTime()
    if (entry && entry.until > at) return entry.business
    const business = await find(slug)
    if (!business) {
      remembered.delete(slug)
      return undefined
    }
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.set(slug, { business, until: at + rememberedMs })
    return business
  }
}
