import type { Actor } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import { insertActions, replaceActions } from '../../db/actions.ts'
import {
  type ConnectorRow,
  findConnector,
  insertConnector,
  lockConnector,
  updateConnector,
} from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { contentOf, newAction } from '../../runtime/connections/definitions.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'

export interface StoredConnector {
  row: ConnectorRow
  replaced: boolean
}

/**
 * Stores a whole connector in the caller's transaction. With `replace` an existing one of the same slug gets
 * the new content and keeps its id and its connections; actions of the same slug keep theirs. Without, the
 * slug's unique constraint refuses it.
 */
export async function storeConnector(
  tx: Tx,
  actor: Actor,
  definition: ConnectorDefinition,
  onConflict: 'fail' | 'replace',
): Promise<StoredConnector> {
  const { organizationId } = actor
  const content = contentOf(definition)
  const actions = definition.actions.map(newAction)
  const old = onConflict === 'replace' ? await lockConnector(tx, definition.slug) : undefined
  const id = old?.id ?? newId('connector')
  if (old === undefined) {
    await insertConnector(tx, { ...content, id, organizationId, slug: definition.slug })
    await insertActions(tx, { id, organizationId }, actions)
  } else {
    await updateConnector(tx, id, content)
    await replaceActions(tx, { id, organizationId }, actions)
  }
  const row = await findConnector(tx, id) // with the number of its actions
  if (row === undefined) throw new Error('the connector just stored is not there')
  return { row, replaced: old !== undefined }
}
