import { UsageError } from '#commands/usage-error.ts'
import type { Config } from '#config.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import { createLog } from '#foundation/http/observability.ts'
import type { Business } from '#foundation/shared/business.ts'
import { parseCountry } from '#foundation/shared/countries.ts'
import { parseCurrency } from '#foundation/shared/money.ts'
import { openBeside, secretKeyOf } from '#open.ts'
import { createApiKey, createBusiness } from '#resources/business/businesses/create-business.ts'
import { findBusinessBySlug, listBusinesses } from '#resources/business/businesses/queries.ts'

interface Options {
  name?: string | undefined
  slug?: string | undefined
  country?: string | undefined
  currency?: string | undefined
  timezone?: string | undefined
  mode?: string | undefined
  json?: boolean | undefined
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== ''
  } catch {
    return false
  }
}

/** The new business that the options describe. Throws one `UsageError` that names every missing or invalid option. */
export function understandBusiness({ name, slug, country, currency, timezone, mode = 'sandbox' }: Options): Omit<Business, 'id'> {
  const place = parseCountry(country ?? '')
  const money = parseCurrency(currency ?? '')
  const faults: string[] = []
  const expect = (valid: unknown, option: string, what: string) => valid || faults.push(`--${option} expects ${what}.`)
  expect(name && name.length <= 100, 'name', 'the name shown to payers, up to 100 characters')
  expect(slug && /^[a-z0-9][a-z0-9-]{0,62}$/.test(slug), 'slug', 'up to 63 lower-case letters, digits and hyphens; it is part of payment links')
  expect(place, 'country', 'two letters, for example SG')
  expect(money, 'currency', 'three letters, for example sgd')
  expect(isTimezone(timezone ?? ''), 'timezone', 'a name from the time zone database, for example Asia/Singapore')
  expect(mode === 'live' || mode === 'sandbox', 'mode', 'live or sandbox')
  if (faults.length > 0 || !name || !slug || !place || !money) throw new UsageError(faults.join(' '))
  return { name, slug, country: place, currency: money, timezone: timezone ?? '', mode: mode === 'live' ? 'live' : 'sandbox' }
}

/** `hawker businesses create|list`, also beside a running Hawker. A new business is created with its first key. */
export async function businessesCommand(config: Config, [action]: string[], options: Options): Promise<void> {
  const about = action === 'create' ? understandBusiness(options) : undefined
  const opened = await openBeside(config, createLog('silent'))
  try {
    const { db } = opened.database
    if (!about) {
      printBusinesses(await listBusinesses(db), options)
      return
    }
    if (await findBusinessBySlug(db, about.slug)) throw new StartError(`A business with the slug ${about.slug} already exists.`)
    const at = new Date()
    const { business, minted } = await db.transaction().execute(async (tx) => {
      const business = await createBusiness(tx, at, about)
      return { business, minted: await createApiKey(tx, business, { name: 'First key', secretKey: secretKeyOf(config), at }) }
    })
    const { key, salt } = minted
    if (options.json) print(JSON.stringify({ ...business, key, salt }))
    else print(`Business  ${business.id}\nAPI key   ${key}\nSalt      ${salt}\n\nThe key and the salt are shown only once.`)
  } finally {
    await opened.close()
  }
}

function printBusinesses(businesses: Business[], { json }: Options): void {
  if (json) {
    print(JSON.stringify(businesses))
    return
  }
  print(`${'ID'.padEnd(38)}${'MODE'.padEnd(9)}${'COUNTRY'.padEnd(9)}${'CURRENCY'.padEnd(10)}${'SLUG'.padEnd(24)}NAME`)
  for (const { id, mode, country, currency, slug, name } of businesses)
    print(`${id.padEnd(38)}${mode.padEnd(9)}${country.padEnd(9)}${currency.padEnd(10)}${slug.padEnd(24)}${name}`)
}
