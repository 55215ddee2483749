import { payNowRail } from '#engine/rails/paynow/paynow.ts'
import type { Rail } from '#engine/rails/rail.ts'
import { simulatorRail } from '#engine/rails/simulator/simulator.ts'
import { stripeRail } from '#engine/rails/stripe/stripe.ts'
import { readTogether } from '#foundation/database/read-together.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Business } from '#foundation/shared/business.ts'
import { decryptSecret } from '#foundation/shared/secrets.ts'
import { findPayNowAccount, findRailCredentials, type RailKey } from './queries.ts'

/** The rails that are set up, and which of them each business may use. */
export interface Rails {
  /** The rail that serves a method for a business, with the business's access to it; undefined if none does. */
  find(business: Business, method: string): Promise<{ rail: Rail; access: Record<string, string> } | undefined>
  /** The rail of an existing charge. */
  byName(business: Business, name: string): Promise<{ rail: Rail; access: Record<string, string> } | undefined>
}

/** Every rail, in one list. */
export const rails: readonly Rail[] = [simulatorRail, payNowRail, stripeRail]

/** Finds the rail of a method: in the sandbox the simulator plays them all, in live each requires the business's own access. */
export function railRegistry({ database, secretKey, groupAcrossBusinesses }: Pick<Deps, 'database' | 'secretKey' | 'groupAcrossBusinesses'>): Rails {
  const groupOf = groupAcrossBusinesses ? undefined : ({ businessId }: RailKey) => businessId
  const findCredentials = readTogether((keys: RailKey[]) => findRailCredentials(database.write, keys), { groupOf })

  async function accessTo(business: Business, rail: Rail): Promise<Record<string, string> | undefined> {
    if (rail.name === simulatorRail.name) return business.mode === 'sandbox' ? {} : undefined
    if (rail.name === payNowRail.name) {
      const account = await findPayNowAccount(database.db, business.id)
      return account && { ...account }
    }
    const stored = await findCredentials({ businessId: business.id, rail: rail.name })
    return stored === undefined ? undefined : JSON.parse(decryptSecret(stored, secretKey()))
  }

  async function reach(business: Business, rail: Rail | undefined) {
    const access = rail && (await accessTo(business, rail))
    return rail && access ? { rail, access } : undefined
  }

  return {
    async find(business, method) {
      if (business.mode === 'sandbox') return reach(business, simulatorRail)
      return reach(
        business,
        rails.find((rail) => rail !== simulatorRail && rail.methods.includes(method)),
      )
    },
    byName: (business, name) =>
      reach(
        business,
        rails.find((rail) => rail.name === name),
      ),
  }
}
