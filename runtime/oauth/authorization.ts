import { createHash } from 'node:crypto'
import { invalidInput, notFound } from '../../core/errors.ts'
import { type ConnectionRow, getConnection } from '../../db/connections.ts'
import { type ConnectorRow, findConnector } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { headOf } from '../connections/definitions.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import { isClientCredentials } from './settings.ts'

/** What an authorization keeps sealed between its beginning and its callback. */
export interface AuthorizationSecret {
  codeVerifier: string | null
  fields: Record<string, string>
}

/** Only the hash of a state is stored: who reads the database cannot answer for a provider. */
export const hashOf = (state: string) => createHash('sha256').update(state).digest()

/** What an authorization's secrets are sealed for; see runtime/vault/vault.ts. */
export const authorizationPurpose = (id: string) => `oauth_authorization:${id}`

/** @throws AppError `invalid_input` when it is not one that a person consents to */
export function chooseMethod(connector: ConnectorRow, slug: string | undefined): AuthMethod {
  const { authMethods } = headOf(connector)
  const candidates = authMethods.filter((method) => method.type === 'oauth2' && !isClientCredentials(method))
  const method = candidates.find((candidate) => slug === undefined || candidate.slug === slug)
  if (method !== undefined) return method
  throw invalidInput(
    slug === undefined
      ? `${connector.slug} has no OAuth auth method that a person consents to.`
      : `${connector.slug}'s auth method '${slug}' is not one that a person consents to.`,
    {
      where: 'authMethod',
      hint:
        candidates.length === 0
          ? 'Connect it with create_connection, or describe its OAuth with update_connector.'
          : `Use: ${candidates.map((candidate) => candidate.slug).join(', ')}.`,
    },
  )
}

/** @throws AppError `not_found` */
export async function requireConnector(tx: Tx, ref: string): Promise<ConnectorRow> {
  const row = await findConnector(tx, ref)
  if (row === undefined) throw notFound('connector', ref, 'list_connectors shows the ones there are.')
  return row
}

/** @throws AppError `not_found` */
export async function requireConnection(tx: Tx, id: string): Promise<ConnectionRow> {
  const row = await getConnection(tx, id)
  if (row === undefined) throw notFound('connection', id, 'list_connections shows the ids.')
  return row
}
