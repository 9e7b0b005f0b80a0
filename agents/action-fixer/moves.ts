import type { JsonObject } from '../../core/json.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { actionIn, type Candidate } from './candidate.ts'

/** Where a candidate would have an account's credentials sent. */
export interface Move {
  from: string[]
  to: string[]
}

/** Null: they go to no other place than before. */
export function moveOf(definition: ConnectorDefinition, action: string, candidate: Candidate): Move | null {
  const before = actionIn(definition, action)
  const { update, connectorUpdate } = candidate
  const from = placesOf(definition, before?.baseUrl)
  const changed = { ...definition, ...connectorUpdate } as ConnectorDefinition
  const to = placesOf(changed, update !== null && 'baseUrl' in update ? update.baseUrl : before?.baseUrl)
  return to.every((place) => from.includes(place)) ? null : { from, to }
}

/** Origins of the addresses that requests, and token requests, go to. What is no address stands for itself. */
function placesOf({ baseUrl, variables, authMethods }: ConnectorDefinition, ofAction: unknown): string[] {
  const held = [baseUrl, typeof ofAction === 'string' ? ofAction : '']
  // A variable may be the host itself.
  const filled = held.some((one) => one.includes('{')) ? [JSON.stringify(variables ?? {})] : []
  return [...new Set([...held, ...addressesIn(authMethods as unknown as JsonObject[]), ...filled])]
    .filter((one) => one !== '')
    .map(originOf)
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
