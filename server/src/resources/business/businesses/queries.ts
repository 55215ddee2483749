import { sql } from 'kysely'
import { businessesSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { deleteDirectoryEntry, insertDirectoryEntry, insertDirectoryEntryUnlessTaken } from '#foundation/database/directory.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import type { Business, KnownKey } from '#foundation/shared/business.ts'
import { newId } from '#foundation/shared/ids.ts'

const apiKeyKind = 'api_key'
const slugKind = 'business_slug'

/** Finds the business and key of a key's hash: the directory names the business, then its own shard is queried. */
export async function findKnownKey(db: Db, keyHash: string): Promise<KnownKey | undefined> {
  const entry = await db
    .selectFrom('directory')
    .select(['business_id', 'target_id'])
    .where('lookup', '=', keyHash)
    .where('kind', '=', apiKeyKind)
    .executeTakeFirst()
  if (!entry) return undefined
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('businesses', 'businesses.id', 'api_keys.business_id')
    .selectAll('businesses')
    .select('api_keys.key_hash')
    .where('api_keys.business_id', '=', entry.business_id)
    .where('api_keys.id', '=', entry.target_id)
    .where('api_keys.revoked_at', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const { id, name, slug, country, currency, timezone, mode, payment_methods } = row
  return {
    keyId: entry.target_id,
    keyHash: row.key_hash,
    business: { id, name, slug, country, currency, timezone, mode: mode as Business['mode'], payment_methods },
  }
}

/** Claims a slug for a business; false if another has it. Waits for a transaction that is claiming it at the same moment. */
export async function takeSlug(tx: Db, slug: string, businessId: string): Promise<boolean> {
  return insertDirectoryEntryUnlessTaken(tx, { lookup: slug, kind: slugKind, businessId, targetId: businessId })
}

/** The business that a link names, in any letter case, as routes use it. */
export async function findBusinessBySlug(db: Db, slug: string): Promise<Business | undefined> {
  const entry = await db.selectFrom('directory').select('business_id').where('lookup', '=', slug.toLowerCase()).where('kind', '=', slugKind).executeTakeFirst()
  return entry && (await findBusinesses(db, [entry.business_id])).get(entry.business_id)
}

/** Writes a business whose slug has been claimed. */
export async function insertBusiness(tx: Db, business: Business, at: Date): Promise<void> {
  await tx
    .insertInto('businesses')
    .values({ ...business, created_at: at })
    .execute()
  await tx.insertInto('locations').values(firstLocation(business, at)).execute()
}

/** The location that every business starts with; its address is for the business to fill in. */
function firstLocation(business: Business, at: Date) {
  const { name, country } = business
  const nowhere = { street: '', postal_code: '', city: '', state: '' }
  return { business_id: business.id, id: newId<'location'>(at), name, ...nowhere, country: country.toLowerCase(), active: true, created_at: at, updated_at: at }
}

/** Businesses by id, for work that is done outside requests. */
export async function findBusinesses(db: Db, ids: readonly string[]): Promise<Map<string, Business>> {
  if (ids.length === 0) return new Map()
  const { rows } = await runPrepared(
    db,
    'find_businesses',
    sql<Business>`select id, name, slug, country, currency, timezone, mode, payment_methods from businesses where id = any (${businessesSql(ids)})`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

export interface NewApiKey {
  business_id: string
  id: string
  name: string
  key_hash: string
  key_ending: string
  salt_encrypted: string
}

export async function insertApiKey(tx: Db, key: NewApiKey, at: Date): Promise<void> {
  await tx
    .insertInto('api_keys')
    .values({ ...key, created_at: at })
    .execute()
  await insertDirectoryEntry(tx, { lookup: key.key_hash, kind: apiKeyKind, businessId: key.business_id, targetId: key.id })
}

/** A business by its id; for messages that name it without a key. */
export async function findBusiness(db: Db, id: string): Promise<Business | undefined> {
  const row = await db
    .selectFrom('businesses')
    .select(['id', 'name', 'slug', 'country', 'currency', 'timezone', 'mode'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row && { ...row, mode: row.mode as Business['mode'] }
}

/** The oldest businesses; an installation has few, and the command line lists them all. */
export async function listBusinesses(db: Db): Promise<Business[]> {
  const rows = await db
    .selectFrom('businesses')
    .select(['id', 'name', 'slug', 'country', 'currency', 'timezone', 'mode'])
    .orderBy('created_at')
    .limit(1000)
    .execute()
  return rows.map((row) => ({ ...row, mode: row.mode as Business['mode'] }))
}

export interface ListedKey {
  id: string
  name: string
  key_ending: string
  created_at: Date
  last_used_at: Date | null
  revoked_at: Date | null
}

export async function listApiKeys(db: Db, businessId: string): Promise<ListedKey[]> {
  return db
    .selectFrom('api_keys')
    .select(['id', 'name', 'key_ending', 'created_at', 'last_used_at', 'revoked_at'])
    .where('business_id', '=', businessId)
    .orderBy('id')
    .execute()
}

/** Marks a key as revoked and removes it from the directory; false if there is no such key or it was revoked before. */
export async function revokeApiKey(tx: Db, businessId: string, id: string, at: Date): Promise<boolean> {
  const revoked = await tx
    .updateTable('api_keys')
    .set({ revoked_at: at })
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('key_hash')
    .executeTakeFirst()
  if (!revoked) return false
  await deleteDirectoryEntry(tx, { lookup: revoked.key_hash, businessId, targetId: id }, [apiKeyKind])
  return true
}

/** Records when keys were last used, for many keys in one statement. */
export async function recordKeyUses(db: Db, uses: { business_id: string; id: string; at: Date }[]): Promise<void> {
  if (uses.length === 0) return
  await sql`
    update api_keys set last_used_at = used.at
    from unnest(${uses.map((use) => use.business_id)}::uuid[], ${uses.map((use) => use.id)}::uuid[], ${uses.map((use) => use.at)}::timestamptz[]) as used (business_id, id, at)
    where api_keys.business_id = used.business_id and api_keys.id = used.id and (api_keys.last_used_at is null or api_keys.last_used_at < used.at)`.execute(db)
}
