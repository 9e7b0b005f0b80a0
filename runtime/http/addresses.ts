import ipaddr from 'ipaddr.js'

/**
 * Which addresses outgoing requests may reach. Only globally routable unicast addresses pass; whatever
 * an operator allows on top (`PATCHBAY_ALLOWED_PRIVATE_HOSTS`) is parsed into an {@link AddressPolicy}.
 */
export interface AddressPolicy {
  /** May this name be reached whatever it resolves to? Names are compared without case. */
  allowsHost(hostname: string, port: number): boolean
  /** May this address be reached, for every name that resolves to it? */
  allowsAddress(address: string, port: number): boolean
}

const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3')
/** Public by number only: inside Azure it is the host of the machine, which hands out its configuration. */
const AZURE_HOST = '168.63.129.16'

/**
 * Is this a public address? IPv4-mapped IPv6 is judged as the IPv4 address it carries. NAT64, 6to4 and
 * Teredo are refused, because each can carry a private IPv4 address; so is IPv6 outside 2000::/3
 * (site-local, IPv4-compatible and everything unassigned).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || parsed.toString() === AZURE_HOST) return false
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST_V6)
}

/** Parses hostnames, IPs, CIDRs, `host:port`, `[v6]:port` and `*` into a policy. */
export function buildAddressPolicy(entries: readonly string[]): AddressPolicy {
  const hosts = new Set<string>()
  const ranges: { range: [ipaddr.IPv4 | ipaddr.IPv6, number]; port: number | undefined }[] = []
  let everything = false

  for (const entry of entries.map((raw) => raw.trim().toLowerCase()).filter((text) => text !== '')) {
    if (entry === '*') {
      everything = true
      continue
    }
    const { host, port } = splitPort(entry)
    const range = parseRange(host)
    if (range !== undefined) ranges.push({ range, port })
    else hosts.add(port === undefined ? host : `${host}:${port}`)
  }

  return {
    allowsHost: (hostname, port) =>
      everything || hosts.has(hostname.toLowerCase()) || hosts.has(`${hostname.toLowerCase()}:${port}`),
    allowsAddress: (address, port) => {
      if (isPublicAddress(address)) return true
      if (!ipaddr.isValid(address)) return false
      const parsed = ipaddr.process(address)
      return ranges.some(
        (allowed) =>
          (allowed.port === undefined || allowed.port === port) &&
          allowed.range[0].kind() === parsed.kind() &&
          parsed.match(allowed.range),
      )
    },
  }
}

function splitPort(entry: string): { host: string; port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry)
  if (bracketed) return { host: bracketed[1] ?? '', port: bracketed[2] ? Number(bracketed[2]) : undefined }
  const withPort = /^([^:]+):(\d+)$/.exec(entry)
  return withPort ? { host: withPort[1] ?? '', port: Number(withPort[2]) } : { host: entry, port: undefined }
}

function parseRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
  // `isValid` also takes classful short forms such as `10`, which here can only be a host name.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined
  const parsed = ipaddr.process(text)
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128]
}
