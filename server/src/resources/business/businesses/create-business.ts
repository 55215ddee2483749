import { insertEventPosition } from '#engine/events/emit-event.ts'
import { bookSandboxFloat } from '#engine/ledger/sandbox-float.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { encryptSecret, sha256 } from '#foundation/shared/secrets.ts'
import { insertApiKey, insertBusiness, takeSlug } from './queries.ts'

/** A key and its salt at the only moment at which they are known in plain text. */
export interface MintedKey {
  id: string
  key: string
  salt: string
}

/** Creates an API key for a business: `test_` and 64 hexadecimal digits in the sandbox, the digits alone in live (behaviour §1.2). */
export async function createApiKey(
  tx: Db,
  business: Business,
  options: { name: string; secretKey: Buffer; at: Date; key?: string | undefined; salt?: string | undefined },
): Promise<MintedKey> {
  const { name, secretKey, at } = options
  const key = options.key ?? `${business.mode === 'sandbox' ? 'test_' : ''}${randomHex(32)}`
  const salt = options.salt ?? randomHex(32)
  const id = newId<'api_key'>(at)
  const row = { business_id: business.id, id, name, key_hash: sha256(key), key_ending: key.slice(-4), salt_encrypted: encryptSecret(salt, secretKey) }
  await insertApiKey(tx, row, at)
  return { id, key, salt }
}

const longestSlug = 63

/** Claims the requested slug of a business, or the first free variant: `kopi`, `kopi-2` to `kopi-9`, then a random suffix. */
async function aFreeSlug(tx: Db, wanted: string, businessId: string): Promise<string> {
  const slug = wanted.toLowerCase()
  for (let attempt = 1; ; attempt++) {
    const end = attempt === 1 ? '' : attempt < 10 ? `-${attempt}` : `-${randomHex(4)}`
    const candidate = `${slug.slice(0, longestSlug - end.length)}${end}`
    if (await takeSlug(tx, candidate, businessId)) return candidate
  }
}

/** Creates a business, with play money if it is a sandbox; by default the sandbox of the first start: Singapore, SGD. A slug that is in use gets a suffix. */
export async function createBusiness(tx: Db, at: Date, about: Partial<Omit<Business, 'id'>> = {}): Promise<Business> {
  const id = newId<'business'>(at)
  const business: Business = {
    id,
    // Payers of the sandbox see it: "Back to Kopi Corner (test)".
    name: 'Kopi Corner (test)',
    country: 'SG',
    currency: 'sgd',
    timezone: 'Asia/Singapore',
    mode: 'sandbox',
    ...about,
    slug: await aFreeSlug(tx, about.slug ?? 'sandbox', id),
  }
  await insertBusiness(tx, business, at)
  await insertEventPosition(tx, business.id)
  if (business.mode === 'sandbox') await bookSandboxFloat(tx, business.id, business.currency, at)
  return business
}
