const shape = /^(https?):\/\/([a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?$/
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const loopback = new Set(['localhost', '127.0.0.1'])

/**
 * The origin that a text names, in the format of browsers and of content security policies: https, or http on the local
 * machine; a host name in ASCII or an IPv4 address. Undefined for everything else: paths, wildcards, users, other formats.
 */
export function parseOrigin(text: string): string | undefined {
  const spelled = text.toLowerCase()
  // What becomes ASCII only in lower case (the Kelvin sign) was not ASCII.
  if (/[^\x21-\x7e]/.test(text)) return undefined
  const [, scheme, host = '', port] = shape.exec(spelled) ?? []
  if (scheme === undefined || host.length > 253 || !host.split('.').every((part) => label.test(part))) return undefined
  if (scheme === 'http' && !loopback.has(host)) return undefined
  if (!URL.canParse(spelled)) return undefined
  const { origin, hostname } = new URL(spelled)
  // Browsers read 0x7f.1 and 2130706433 as addresses; what they write differently is not a host name either.
  if (hostname !== host) return undefined
  const usual = scheme === 'https' ? '443' : '80'
  return origin === `${scheme}://${host}${port === undefined || port === usual ? '' : `:${port}`}` ? origin : undefined
}
