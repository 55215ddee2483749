import type { Config } from '#config.ts'
import type { MintedKey } from '#resources/business/businesses/create-business.ts'
import { linksNote } from './links-note.ts'

interface Welcome {
  url: string
  minted: MintedKey | undefined
  config: Config
  milliseconds: number
  /** One line of JSON, for programs. */
  json?: boolean | undefined
}

/** What `hawker start` prints when it is ready: its URL, the key, and a request to paste. */
export function welcome({ url, minted, config, milliseconds, json }: Welcome): string {
  if (json) return `${JSON.stringify({ ready: true, url, api_key: minted?.key ?? null, salt: minted?.salt ?? null, milliseconds })}\n`
  const where = config.databaseUrl ? 'DATABASE_URL' : config.dataDirectory
  const rows: [string, string][] = [
    ['API', url],
    ['Reference', `${url}/docs`],
    ['Test phone', `${url}/sandbox/phone`],
    ['Data', where],
  ]
  if (minted) rows.push(['API key', minted.key], ['Salt', minted.salt])
  const table = rows.map(([name, value]) => `  ${name.padEnd(11)}${value}`).join('\n')
  const key = minted?.key ?? config.apiKey ?? '<key>'
  const lost = minted
    ? '\n  The key and the salt are shown only once; `npx hawker keys create` creates new ones.\n'
    : config.apiKey
      ? ''
      : '\n  The API key was shown at the first start; `npx hawker keys create` creates another one.\n'
  const note = linksNote(config)
  return `
  Hawker is ready (${milliseconds} ms)

${table}
${lost}${note ? `\n  ${note}.\n` : ''}
  Create a customer:

  curl --request POST --url ${url}/v1/customers \\
    --header 'Content-Type: application/json' --header 'X-BUSINESS-API-KEY: ${key}' \\
    --data '{"name":"John Doe","email":"jsmith@example.com","phone_number":"91234567","phone_number_country_code":"65"}'

`
}
