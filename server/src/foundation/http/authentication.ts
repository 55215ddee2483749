import { timingSafeEqual } from 'node:crypto'
import type { Business, KnownKey } from '#foundation/shared/business.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { sha256 } from '#foundation/shared/secrets.ts'

export type { Business, KnownKey }

export interface Authentication {
  /** The business behind a key, at once when the key was seen lately. Throws 401. */
  authenticate(key: string | undefined): KnownKey | Promise<KnownKey>
  /** Forgets what is remembered, so that a change made by this process holds at once. */
  forget(): void
  /** Keys that were used since the last call, with the time of their last use; for one write in a while instead of one a request. */
  takeUses(): { business_id: string; id: string; at: Date }[]
}

/** How long another process's revocation may take to be seen here. */
const rememberedMs = 5_000
const maxRemembered = 10_000

/** Finds keys by hash through `find` and remembers the answers for a few seconds. */
export function authentication(find: (keyHash: string) => Promise<KnownKey | undefined>): Authentication {
  const remembered = new Map<string, { known: KnownKey; hash: Buffer; until: number }>()
  const uses = new Map<string, { business_id: string; id: string; at: Date }>()
  const refuse = () => new ApiError(401, 'invalid_api_key', 'Invalid business api key.')

  function used(known: KnownKey): KnownKey {
    const use = uses.get(known.keyId)
    if (use) use.at = new Date()
    else uses.set(known.keyId, { business_id: known.business.id, id: known.keyId, at: new Date() })
    return known
  }

  async function lookUp(hash: string): Promise<KnownKey> {
    const known = await find(hash)
    if (!known || !timingSafeEqual(Buffer.from(known.keyHash, 'hex'), Buffer.from(hash, 'hex'))) throw refuse()
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.set(hash, { known, hash: Buffer.from(hash, 'hex'), until: Date.now() + rememberedMs })
    return used(known)
  }

  return {
    authenticate(key) {
      if (!key || key.length > 255) throw refuse()
      const hash = sha256(key)
      const entry = remembered.get(hash)
      if (entry && entry.until > Date.now() && timingSafeEqual(entry.hash, Buffer.from(hash, 'hex'))) return used(entry.known)
      return lookUp(hash)
    },
    forget() {
      remembered.clear()
    },
    takeUses() {
      const taken = [...uses.values()]
      uses.clear()
      return taken
    },
  }
}

/** The key that a request sends, in HitPay's header or as a bearer token. */
export function apiKeyOf(headers: Record<string, string | string[] | undefined>): string | undefined {
  const header = headers['x-business-api-key']
  if (typeof header === 'string' && header !== '') return header.trim()
  const bearer = typeof headers.authorization === 'string' ? headers.authorization : undefined
  return bearer?.startsWith('Bearer ') ? bearer.slice(7).trim() : undefined
}
