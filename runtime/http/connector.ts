import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { AppError } from '../../core/errors.ts'
import type { AddressPolicy } from './addresses.ts'

/** Resolves a name to all of its addresses; injectable so that tests can play a rebinding name server. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export const resolveWithSystem: Resolve = (hostname, callback) => {
  dnsLookup(hostname, { all: true }, callback)
}

const CONNECT_TIMEOUT_MS = 10_000

/**
 * The connect function of the guarded agent. Every new socket passes here, so a check cannot be skipped
 * by a redirect or a pooled origin; and the socket is opened to the very addresses that were checked
 * (through `lookup`), so a name server that answers differently a second time changes nothing.
 */
export function buildGuardedConnector(policy: AddressPolicy, resolve: Resolve): buildConnector.connector {
  // One undici connector per port: `lookup` is fixed at construction and does not learn the port.
  const connectors = new Map<number, buildConnector.connector>()

  return (options, callback) => {
    const hostname = options.hostname.replace(/^\[|\]$/g, '')
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
    if (isIP(hostname) !== 0 && !isAllowed(policy, hostname, hostname, port)) {
      callback(refusal(hostname, hostname), null)
      return
    }
    let connector = connectors.get(port)
    if (connector === undefined) {
      connector = buildConnector({
        timeout: CONNECT_TIMEOUT_MS,
        allowH2: false,
        autoSelectFamily: true,
        lookup: guardedLookup(policy, resolve, port),
      })
      connectors.set(port, connector)
    }
    connector({ ...options, hostname }, callback)
  }
}

function guardedLookup(policy: AddressPolicy, resolve: Resolve, port: number): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error) {
        callback(error, '', 0)
        return
      }
      // One bad address refuses the name: choosing the good ones would let a mixed answer probe the network.
      const bad = addresses.find(({ address }) => !isAllowed(policy, hostname, address, port))
      if (bad !== undefined) {
        callback(refusal(hostname, bad.address), '', 0)
        return
      }
      const [first] = addresses
      if (first === undefined) {
        callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), '', 0)
      } else if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function isAllowed(policy: AddressPolicy, hostname: string, address: string, port: number): boolean {
  return policy.allowsAddress(address, port) || policy.allowsHost(hostname, port)
}

function refusal(hostname: string, address: string): AppError {
  const target = hostname === address ? address : `${hostname} (${address})`
  return new AppError('forbidden', `Requests to ${target} are refused: it is not a public address.`, {
    where: 'url',
    hint: `If this server may be reached, add '${hostname}' to PATCHBAY_ALLOWED_PRIVATE_HOSTS (names, addresses, CIDR ranges, host:port).`,
    data: { hostname, address },
  })
}
