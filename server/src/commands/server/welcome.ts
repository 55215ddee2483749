import { styled } from '#commands/terminal.ts'
import type { Config } from '#config.ts'
import type { FirstBusiness } from '#open.ts'
import { linksNote } from './links-note.ts'

interface Welcome {
  url: string
  first: FirstBusiness
  config: Config
  milliseconds: number
  /** One line of JSON, for programs. */
  json?: boolean | undefined
}

/** What `hawker start` prints when it is ready: the page of a test payment, its URLs, the key, and a request to paste. */
export function welcome({ url, first: { business, minted }, config, milliseconds, json }: Welcome): string {
  // What was configured is known, and does not belong into the output of every container that starts.
  const isPinned = config.apiKey !== undefined
  const apiKey = isPinned ? undefined : minted?.key
  const salt = config.salt === undefined ? minted?.salt : undefined
  if (json) return `${JSON.stringify({ ready: true, url, api_key: apiKey ?? null, salt: salt ?? null, milliseconds })}\n`
  const title = (text: string) => styled('bold', text)
  const rows: [string, string][] = [
    ['API', url],
    ['Reference', `${url}/docs`],
    ['Test phone', `${url}/sandbox/phone`],
    ['Data', config.databaseUrl ? 'DATABASE_URL' : config.dataDirectory],
  ]
  if (isPinned) rows.push(['API key', 'as in HAWKER_API_KEY'])
  if (apiKey) rows.push(['API key', apiKey])
  if (salt) rows.push(['Salt', salt])
  const table = rows.map(([name, value]) => `  ${name.padEnd(11)}${value}`).join('\n')
  const key = isPinned ? '$HAWKER_API_KEY' : (apiKey ?? '<key>')
  const note = linksNote(config)
  // The page asks for the rest; what is a fair amount depends on the currency.
  const link = `${url}/payment-request/@${business.slug}${business.currency === 'sgd' ? '?amount=10' : ''}`
  const payment = business.mode === 'sandbox' ? `\n  ${title('Pay a test payment:')} ${styled('cyan', link)}\n` : ''
  return `
  ${title('Hawker is ready')} (${milliseconds} ms)
${payment}
${table}
${shownOnce({ apiKey, salt, isPinned })}${note ? `\n  ${note}.\n` : ''}
  ${title('Create a customer:')}

  curl --request POST --url ${url}/v1/customers \\
    --header 'Content-Type: application/json' --header "X-BUSINESS-API-KEY: ${key}" \\
    --data '{"name":"John Doe","email":"jsmith@example.com","phone_number":"91234567","phone_number_country_code":"65"}'

`
}

/** What is said below the table about a key and a salt that cannot be shown again. */
function shownOnce({ apiKey, salt, isPinned }: { apiKey: string | undefined; salt: string | undefined; isPinned: boolean }): string {
  if (apiKey) return '\n  The key and the salt are shown only once; `npx hawker keys create` creates new ones.\n'
  if (salt) return '\n  The salt is shown only once; `npx hawker keys create` creates a key with a new one.\n'
  return isPinned ? '' : '\n  The API key was shown at the first start; `npx hawker keys create` creates another one.\n'
}
