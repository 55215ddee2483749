import ipaddr from 'ipaddr.js'

/** Which addresses outside the public internet may be reached; none unless stated. */
export interface AddressExceptions {
  /** 127.0.0.0/8 and ::1, for the sandbox, where receivers run on the developer's own machine. */
  allowLoopback?: boolean
  /** Networks in CIDR form (`10.1.0.0/16`) that an operator's own receivers are in. */
  allowedNetworks?: readonly string[]
}

/** Where clouds serve credentials to any caller. Refused even inside an allowed network; the second is a public address. */
const metadataAddresses = ['169.254.169.254', '168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254']

/** The part of IPv6 that is allocated; what lies outside (`::7f00:1`, an IPv4 address in disguise) belongs to no one. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an IP address may be connected to: a public unicast address, or one that is excepted. Refuses private, loopback,
 * link-local, carrier-grade NAT, multicast, reserved and documentation ranges, and every IPv6 form that contains an IPv4
 * address (mapped, NAT64, 6to4, Teredo), because a router may deliver it inside (rails standards §8). Refuses anything that is not an IP address.
 */
export function isPermittedAddress(text: string, { allowLoopback = false, allowedNetworks = [] }: AddressExceptions = {}): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.parse(text)
  if (metadataAddresses.includes(address.toString())) return false
  if (allowLoopback && address.range() === 'loopback') return true
  for (const network of allowedNetworks) {
    const [base, bits] = ipaddr.parseCIDR(network)
    if (base.kind() === address.kind() && address.match(base, bits)) return true
  }
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast)
}
