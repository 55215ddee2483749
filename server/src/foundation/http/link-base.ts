import { networkInterfaces } from 'node:os'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

export interface LinkOptions {
  /** The configured URL: if there is one, every link begins with it. */
  publicUrl?: string | undefined
  /** The URL of links that no request causes, and of those whose host is not one of ours. */
  baseUrl: () => string
  /** Further hosts under which clients reach this server, with or without a port. */
  allowedHosts?: readonly string[] | undefined
  /** The addresses of this machine. */
  addresses?: () => string[]
}

const addressesLastMs = 5_000

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
}

/** Remembers what a function returns for a few seconds: a laptop changes its network while Hawker runs. */
function remembering<Value>(read: () => Value): () => Value {
  let value: Value
  let until = 0
  return () => {
    const now = performance.now()
    if (now >= until) {
      value = read()
      until = now + addressesLastMs
    }
    return value
  }
}

const parsedAddress = (text: string) => (ipaddr.isValid(text) ? ipaddr.parse(text) : undefined)

/** `example.com:8080` in its parts; undefined for what is not a host. */
function parseHost(host: string): { host: string; name: string } | undefined {
  if (!/^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:\d{1,5})?$/i.test(host) || !URL.canParse(`http://${host}`)) return undefined
  const url = new URL(`http://${host}`)
  return { host: url.host, name: url.hostname.replace(/^\[|\]$/g, '') }
}

/**
 * The base of links in the answer to a request, without a trailing slash. Links follow the request's host, so that a phone in the
 * same network can open them, but only a host that is this machine and no public address: anyone can send any host. Emails never
 * follow it.
 */
export function linkBases({ publicUrl, baseUrl, allowedHosts = [], addresses = ownAddresses }: LinkOptions): (request: FastifyRequest) => string {
  const own = remembering(() => new Set(addresses().map((text) => parsedAddress(text)?.toString())))
  const configured = new Set(allowedHosts.map((host) => host.toLowerCase()))

  function isOurs({ host, name }: { host: string; name: string }): boolean {
    if (name === 'localhost' || name.endsWith('.localhost') || configured.has(host) || configured.has(name)) return true
    const address = parsedAddress(name)
    if (!address) return false
    return address.range() === 'loopback' || (address.range() !== 'unicast' && own().has(address.toString()))
  }

  return ({ protocol, host }) => {
    if (publicUrl !== undefined) return publicUrl
    const parsed = parseHost(host ?? '')
    return parsed && isOurs(parsed) ? `${protocol}://${parsed.host}` : baseUrl()
  }
}
