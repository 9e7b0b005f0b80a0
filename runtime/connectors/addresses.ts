import type { ActionDefinition } from './action-definition.ts'
import type { ConnectorDefinition } from './definition.ts'

/** Of a connector what says where its requests go. */
export type Addressed = Pick<ConnectorDefinition, 'baseUrl' | 'variables' | 'authMethods'> & {
  actions: readonly Pick<ActionDefinition, 'baseUrl'>[]
}

/** Origins that requests and token requests of a connector go to, an account's credentials with them. What is no address stands for itself. */
export function addressesOf({ baseUrl, variables, authMethods, actions }: Addressed): string[] {
  const held = [baseUrl, ...actions.flatMap((action) => action.baseUrl ?? [])]
  // A variable may be the host itself.
  const filled = held.some((one) => one.includes('{')) ? [JSON.stringify(variables ?? {})] : []
  return [...new Set([...held, ...addressesIn(authMethods), ...filled].filter(Boolean).map(originOf))]
}

/** Those of `after` that `before` does not go to. */
export function newAddresses(before: Addressed, after: Addressed): string[] {
  const known = new Set(addressesOf(before))
  return addressesOf(after).filter((address) => !known.has(address))
}

const originOf = (address: string): string => (URL.canParse(address) ? new URL(address).origin : address)

const addressesIn = (value: unknown): string[] =>
  typeof value === 'string'
    ? /^https?:\/\//i.test(value)
      ? [value]
      : []
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(addressesIn)
      : []
