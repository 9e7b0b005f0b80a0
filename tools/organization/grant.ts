import ipaddr from 'ipaddr.js'
import type { Actor } from '../../core/actor.ts'
import { AppError, invalidInput } from '../../core/errors.ts'
import { type Permission, type RoleName, rolePermissions } from '../../core/permissions.ts'

export interface Grant {
  mode: 'test' | 'live'
  role: RoleName
  /** Narrows the role; null for all it has. */
  permissions: readonly Permission[] | null
  /** Null for all customers. */
  customerIds: readonly string[] | null
  ratePerMinute: number | null
}

const refuse = (message: string, where: string, hint: string, data?: Record<string, unknown>) =>
  new AppError('forbidden', message, { where, hint, ...(data === undefined ? {} : { data }) })

/**
 * Nobody grants what they lack: role, permissions, mode, customers or rate.
 * @throws AppError `forbidden` naming what the actor lacks; `invalid_input` for a key that makes no sense
 */
export function checkGrant(actor: Actor, grant: Grant): void {
  checkSense(grant)
  if (grant.role === 'owner' && actor.role !== 'owner') {
    throw refuse('Only an owner makes owner keys.', 'role', 'Use the role admin, or ask an owner.')
  }
  const lacking = (grant.permissions ?? rolePermissions[grant.role]).filter(
    (permission) => !actor.permissions.has(permission),
  )
  if (lacking.length > 0) {
    throw refuse(
      `This key lacks what it would grant: ${lacking.join(', ')}.`,
      grant.permissions === null ? 'role' : 'permissions',
      'Choose a lesser role, or narrow it with `permissions` to what whoami lists.',
      { lacking },
    )
  }
  if (grant.mode === 'live' && actor.mode === 'test') {
    throw refuse('A test key makes test keys only.', 'mode', 'Use mode "test", or call with a live key.')
  }
  const beyond = grant.customerIds?.filter((id) => actor.customerIds?.includes(id) === false) ?? []
  if (actor.customerIds !== null && (grant.customerIds === null || beyond.length > 0)) {
    throw refuse(
      'The new key would reach customers this key does not.',
      'customers',
      'Limit it to customers whoami lists.',
    )
  }
  if (actor.ratePerMinute !== null && (grant.ratePerMinute ?? Infinity) > actor.ratePerMinute) {
    throw refuse(
      `This key may make ${actor.ratePerMinute} calls a minute, and grants no more.`,
      'ratePerMinute',
      `Give ratePerMinute ${actor.ratePerMinute} or less.`,
    )
  }
}

function checkSense(grant: Grant): void {
  const role = rolePermissions[grant.role]
  const foreign = grant.permissions?.filter((permission) => !role.includes(permission)) ?? []
  if (foreign.length > 0) {
    throw invalidInput(`The role ${grant.role} does not have: ${foreign.join(', ')}.`, {
      where: 'permissions',
      hint: '`permissions` narrows the role; choose a role that has them.',
      data: { foreign },
    })
  }
  if (grant.role === 'owner' && (grant.permissions !== null || grant.customerIds !== null)) {
    throw invalidInput('An owner key has every permission and reaches every customer.', {
      where: 'role',
      hint: 'Use the role admin to narrow a key.',
    })
  }
  if (grant.role === 'end_user' && grant.customerIds?.length !== 1) {
    throw invalidInput('An end_user key belongs to exactly one customer.', {
      where: 'customers',
      hint: 'Give one customer in `customers`.',
    })
  }
}

/**
 * A key that works from some addresses only makes none that works from others: whoever got hold of it there could
 * carry its powers away.
 * @param own the addresses of the key that makes it; null for any
 * @throws AppError `forbidden`
 */
export function checkAddresses(own: readonly string[] | null, wanted: readonly string[] | null): void {
  if (own === null) return
  const beyond = wanted?.filter((entry) => !own.some((range) => isWithin(entry, range))) ?? []
  if (wanted !== null && beyond.length === 0) return
  throw refuse(
    `The new key could be used from addresses this key cannot: ${beyond.join(', ')}.`,
    'ipAllowlist',
    `Limit it to ${own.join(', ')}.`,
  )
}

function isWithin(entry: string, range: string): boolean {
  const [address, bits] = toRange(entry)
  const [base, baseBits] = toRange(range)
  return address.kind() === base.kind() && bits >= baseBits && address.match(base, baseBits)
}

function toRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
