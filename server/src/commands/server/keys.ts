import { UsageError } from '#commands/usage-error.ts'
import type { Config } from '#config.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import { createLog } from '#foundation/http/observability.ts'
import type { Business } from '#foundation/shared/business.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { type OpenedDatabase, openBeside, secretKeyOf } from '#open.ts'
import { createApiKey } from '#resources/business/businesses/create-business.ts'
import { listApiKeys, listBusinesses, revokeApiKey } from '#resources/business/businesses/queries.ts'

interface Options {
  name?: string | undefined
  business?: string | undefined
  json?: boolean | undefined
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function chosenBusiness({ database }: OpenedDatabase, { business }: Options): Promise<Business> {
  const businesses = await listBusinesses(database.db)
  const [first] = businesses
  if (!first) throw new StartError('There is no business yet; `hawker start` creates the first one.')
  if (business === undefined && businesses.length === 1) return first
  const chosen = businesses.find(({ id, slug }) => id === business || slug === business)
  if (!chosen) throw new UsageError(`Choose one with --business: ${businesses.map(({ id, name }) => `${id} (${name})`).join(', ')}.`)
  return chosen
}

/** `hawker keys create|list|revoke`, also beside a running Hawker, which notices a revocation within seconds. */
export async function keysCommand(config: Config, [action, id]: string[], options: Options): Promise<void> {
  if (action === 'revoke' && !isUuid(id ?? '')) throw new UsageError('keys revoke expects an id that keys list shows.')
  const opened = await openBeside(config, createLog('silent'))
  try {
    const business = await chosenBusiness(opened, options)
    const { db } = opened.database
    if (action === 'create') {
      const name = options.name ?? 'Key'
      const minted = await db.transaction().execute((tx) => createApiKey(tx, business, { name, secretKey: secretKeyOf(config), at: new Date() }))
      print(
        options.json
          ? JSON.stringify(minted)
          : `API key  ${minted.key}\nSalt     ${minted.salt}\nId       ${minted.id}\n\nThe key and the salt are shown only once.`,
      )
    } else if (action === 'list') {
      const keys = await listApiKeys(db, business.id)
      if (options.json) return print(JSON.stringify(keys))
      const day = (at: Date | null) => at?.toISOString().slice(0, 16).replace('T', ' ') ?? 'never'
      print(`${'ID'.padEnd(38)}${'ENDS IN'.padEnd(9)}${'LAST USED (UTC)'.padEnd(18)}${'STATE'.padEnd(9)}NAME`)
      for (const key of keys)
        print(
          `${key.id.padEnd(38)}${key.key_ending.padEnd(9)}${day(key.last_used_at).padEnd(18)}${(key.revoked_at ? 'revoked' : 'valid').padEnd(9)}${key.name}`,
        )
    } else {
      const revoked = await db.transaction().execute((tx) => revokeApiKey(tx, business.id, id ?? '', new Date()))
      if (!revoked) throw new StartError(`${business.name} has no active key ${id}.`)
      print(options.json ? JSON.stringify({ id, revoked: true }) : `Revoked ${id}.`)
    }
  } finally {
    await opened.close()
  }
}
