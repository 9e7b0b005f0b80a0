import { addressesOf } from '../../runtime/connectors/addresses.ts'
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

const placesOf = (connector: ConnectorDefinition, ofAction: unknown): string[] =>
  addressesOf({ ...connector, actions: typeof ofAction === 'string' ? [{ baseUrl: ofAction }] : [] })
