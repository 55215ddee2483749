import type { Business } from '#foundation/shared/business.ts'
import { spoken } from '#foundation/shared/errors.ts'
import { addressesOf, isPermittedAddress } from './public-address.ts'

/**
 * Why a URL cannot receive what a business's mode sends; undefined if it can. The one rule for every URL that is stored to be called:
 * a payment request's, a refund's, an endpoint's, a replay's. Host names are checked when they are connected to.
 */
export function callbackUrlFault(url: string, { mode }: Pick<Business, 'mode'>, field: string): string | undefined {
  const the = `The ${spoken(field)}`
  if (!/^https?:\/\/[^\s\\]+$/i.test(url) || !URL.canParse(url)) return `${the} format is invalid.`
  const { protocol, username, password, hostname, port } = new URL(url)
  if (username !== '' || password !== '') return `${the} may not contain a user name or password.`
  if (mode === 'live' && protocol !== 'https:') return `${the} must begin with https://.`
  if (port === '0') return `${the} format is invalid.`
  const address = hostname.replace(/^\[|\]$/g, '')
  const isAddress = hostname.startsWith('[') || /^[\d.]+$/.test(address)
  if (isAddress && !isPermittedAddress(address, addressesOf[mode])) return `${the} may not name an address inside a network.`
  return undefined
}
