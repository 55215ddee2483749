import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { KnownKey } from '#foundation/shared/business.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import { type Authenticator, type Known, unauthenticated } from './authentication.ts'

/** A key's last use, by the clock of its business. */
export interface KeyUse {
  business_id: string
  id: string
  at: Date
}

/** Recognizes API keys. */
export interface ApiKeys extends Authenticator {
  /** Clears the cache, so that a change made by this process takes effect immediately. */
  forget(): void
  /** Keys that were used since the last call: one write now and then instead of one per request. */
  takeUses(): KeyUse[]
}

/** How long another process's revocation may take to take effect here. */
const rememberedMs = 5_000
const maxRemembered = 10_000

interface Remembered extends Known {
  readonly keyId: string
  /** Milliseconds of the system clock. */
  readonly until: number
}

/** Finds keys by hash through `find` and caches them for a few seconds. */
export function apiKeys(find: (keyHash: string) => Promise<KnownKey | undefined>, clock: Clock): ApiKeys {
  const remembered = new Map<string, Remembered>()
  const uses = new Map<string, KeyUse>()

  function used(known: Remembered): Known {
    const { business, keyId } = known
    const at = clock.now(business.id)
    const use = uses.get(keyId)
    if (use) use.at = at
    else uses.set(keyId, { business_id: business.id, id: keyId, at })
    return known
  }

  async function lookUp(hash: string): Promise<Known> {
    const found = await find(hash)
    if (!found || !timingSafeEqual(Buffer.from(found.keyHash, 'hex'), Buffer.from(hash, 'hex'))) throw unauthenticated()
    const { business, keyId } = found
    if (remembered.size >= maxRemembered) remembered.clear()
    const known: Remembered = { business, keyId, caller: { kind: 'key', keyId }, until: clock.system().getTime() + rememberedMs }
    remembered.set(hash, known)
    return used(known)
  }

  return {
    authenticate(headers) {
      const key = apiKeyOf(headers)
      if (!key) return undefined
      if (key.length > 255) throw unauthenticated()
      const hash = sha256(key)
      const known = remembered.get(hash)
      return known && known.until > clock.system().getTime() ? used(known) : lookUp(hash)
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
function apiKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['x-business-api-key']
  if (typeof header === 'string' && header !== '') return header.trim()
  const bearer = headers.authorization
  return bearer?.startsWith('Bearer ') ? bearer.slice(7).trim() : undefined
}
