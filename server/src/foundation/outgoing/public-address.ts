import ipaddr from 'ipaddr.js'

/** Which addresses outside the public internet may be reached; none unless stated. */
export interface AddressExceptions {
  /** 127.0.0.0/8 and ::1, for the sandbox, where receivers run on the developer's own machine. */
  allowLoopback?: boolean
  /** Networks in CIDR form (`10.1.0.0/16`) that an operator's own receivers are in. */
  allowedNetworks?: readonly string[]
}

/** What each mode may reach: the sandbox also the developer's own machine and its containers, live only the public internet. */
export const addressesOf: Readonly<Record<'sandbox' | 'live', AddressExceptions>> = {
  sandbox: { allowLoopback: true, allowedNetworks: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'] },
  live: {},
}

/**
 * Where clouds serve credentials and configuration to any caller. Refused even inside an allowed network; some are public or unique
 * local addresses, which a mode could otherwise reach.
 */
const metadataAddresses = new Set(
  [
    // Amazon, Azure, Google, Oracle, DigitalOcean, Hetzner, OpenStack and most others; then tasks and pods of Amazon.
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    'fd00:ec2::254',
    'fd00:ec2::23',
    // Google and Oracle on IPv6, and OpenStack on its link-local address.
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fe80::a9fe:a9fe',
    // Azure's wire server, Oracle's older address.
    '168.63.129.16',
    '192.0.0.192',
    // Alibaba, Tencent, Volcano Engine.
    '100.100.100.200',
    '169.254.0.23',
    '100.96.0.96',
    // Scaleway, and Akamai (Linode) on IPv6.
    '169.254.42.42',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
  ].map((text) => ipaddr.parse(text).toString()),
)

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
  if (metadataAddresses.has(address.toString())) return false
  if (allowLoopback && address.range() === 'loopback') return true
  for (const network of allowedNetworks) {
    const [base, bits] = ipaddr.parseCIDR(network)
    if (base.kind() === address.kind() && address.match(base, bits)) return true
  }
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast)
}
