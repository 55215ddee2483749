import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { poolOptions } from '#foundation/database/database.ts'
import { migrate, readMigrations } from '#foundation/database/migrate.ts'
import type { Business } from '#foundation/shared/business.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { clockAt } from '#testing/clock.ts'
import { cloneDatabase, testDatabase } from '#testing/database.ts'
import { createBusiness } from './create-business.ts'
import { rememberSlugs } from './known-slugs.ts'
import { findBusinessBySlug } from './queries.ts'

const aSlug = () => `slug-${randomHex(4)}`
async function create(slug: string): Promise<Business> {
  const { db } = await testDatabase()
  return db.transaction().execute((tx) => createBusiness(tx, new Date(), { slug, payment_methods: ['card'] }))
}

describe('slugs', () => {
  test('a slug finds its business in any letter case, as routes use it', async () => {
    const { db } = await testDatabase()
    const business = await create(aSlug())
    expect(await findBusinessBySlug(db, business.slug)).toEqual(business)
    expect(await findBusinessBySlug(db, business.slug.toUpperCase())).toEqual(business)
    expect(await findBusinessBySlug(db, `${business.slug}-`)).toBeUndefined()
    expect(await findBusinessBySlug(db, '')).toBeUndefined()
  })

  test('a slug that is in use gets a suffix, even when many businesses ask at the same time', async () => {
    const { db } = await testDatabase()
    const slug = aSlug()
    const made = await Promise.all(Array.from({ length: 12 }, () => create(slug)))
    const slugs = made.map((business) => business.slug)
    expect(new Set(slugs).size).toBe(12)
    expect(slugs).toEqual(expect.arrayContaining([slug, ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => `${slug}-${n}`)]))
    for (const business of made) expect((await findBusinessBySlug(db, business.slug))?.id).toBe(business.id)
  })

  test('a slug with a suffix stays within the maximum length and is stored in lower case', async () => {
    const slug = `${randomHex(4)}${'x'.repeat(55)}`
    expect((await create(slug.toUpperCase())).slug).toBe(slug)
    expect((await create(slug)).slug).toBe(`${slug.slice(0, 61)}-2`)
  })

  test('a slug is free again when its business was never committed', async () => {
    const { db } = await testDatabase()
    const slug = aSlug()
    const undone = db.transaction().execute(async (tx) => {
      await createBusiness(tx, new Date(), { slug })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await findBusinessBySlug(db, slug)).toBeUndefined()
    expect((await create(slug)).slug).toBe(slug)
  })
})

test('a slug that was found is cached for seconds, and one that was not is looked up again', async () => {
  let at = 0
  const asked: string[] = []
  const known = new Map<string, Business>()
  const find = rememberSlugs(
    async (slug) => {
      asked.push(slug)
      return known.get(slug)
    },
    clockAt(() => new Date(at)),
  )
  expect(await find('kopi')).toBeUndefined()
  const business = { slug: 'kopi', name: 'Kopi stall' } as Business
  known.set('kopi', business)
  expect([await find('kopi'), await find('kopi')]).toEqual([business, business])
  expect(asked).toHaveLength(2)
  at = 5_000
  known.delete('kopi')
  expect(await find('kopi')).toBeUndefined()
  expect(asked).toHaveLength(3)
})

test('the migration lists the existing slugs, and of several equal ones the oldest business keeps its own', async () => {
  const pool = new pg.Pool(poolOptions(await cloneDatabase({ empty: true }), 2, 30_000))
  onTestFinished(() => pool.end())
  const all = readMigrations()
  const index = all.findIndex(({ name }) => name.endsWith('_checkout_settings'))
  await migrate(pool, all.slice(0, index))
  const ids = ['kopi', 'KOPI', 'kopi', 'other', 'x'.repeat(63), 'x'.repeat(63)].map((slug, i) => ({ id: newId(new Date(1e12 + i)), slug, i }))
  for (const { id, slug, i } of [...ids].reverse())
    await pool.query("insert into hawker.businesses values ($1, 'A', $2, 'SG', 'sgd', 'Asia/Singapore', 'live', $3)", [id, slug, new Date(1e12 + i)])
  await migrate(pool, all)
  const { rows } = await pool.query(
    "select b.id, slug from hawker.businesses b join hawker.directory d on d.business_id = b.id and d.target_id = b.id and d.kind = 'business_slug' and d.lookup = lower(slug) order by created_at",
  )
  const end = (i: number) => ids[i]?.id.replaceAll('-', '').slice(-12)
  expect(rows.map(({ slug }) => slug)).toEqual(['kopi', `KOPI-${end(1)}`, `kopi-${end(2)}`, 'other', 'x'.repeat(63), `${'x'.repeat(50)}-${end(5)}`])
  expect(rows.map(({ id }) => id)).toEqual(ids.map(({ id }) => id))
})
