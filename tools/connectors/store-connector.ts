import type { Actor } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import { insertActions, replaceActions } from '../../db/actions.ts'
import {
  authMethodsInUse,
  beginVersion,
  getCurrentContent,
  getVersionContent,
  isVersionKept,
  keepVersion,
  latestImport,
  type VersionOrigin,
} from '../../db/connector-versions.ts'
import {
  type ConnectorRow,
  findConnector,
  insertConnector,
  lockConnector,
  updateConnector,
} from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import {
  contentOf,
  definitionContent,
  newAction,
  versionContent,
} from '../../runtime/connections/definitions.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import {
  type ConnectorChanges,
  type ConnectorContent,
  diffConnectors,
  hasChanges,
} from '../../runtime/connectors/diff/connector-changes.ts'
import { mergeImport } from '../../runtime/connectors/diff/merge-import.ts'

export interface StoredConnector {
  row: ConnectorRow
  replaced: boolean
  /** Against what it was before; null for a new connector. */
  changes: ConnectorChanges | null
  /** What was changed by hand since the last import and therefore stayed. */
  kept: string[]
}

/**
 * Stores a whole connector in the caller's transaction. With `replace` an existing one of the same slug gets
 * the new content as its next version, joined with what was changed by hand; it keeps its id and its connections,
 * and actions of the same slug keep theirs. An import that changes nothing makes no version. Without `replace` the slug's unique
 * constraint refuses it.
 */
export async function storeConnector(
  tx: Tx,
  actor: Actor,
  definition: ConnectorDefinition,
  onConflict: 'fail' | 'replace',
): Promise<StoredConnector> {
  const old = onConflict === 'replace' ? await lockConnector(tx, definition.slug) : undefined
  if (old === undefined) return storeNew(tx, actor, definition)
  const { merged, changes, kept } = await joinWithPresent(tx, old, definition)
  if (hasChanges(changes)) await storeNextVersion(tx, actor, old, merged, 'import', changes)
  return { row: await reread(tx, old.id), replaced: true, changes, kept }
}

async function storeNew(tx: Tx, actor: Actor, definition: ConnectorDefinition): Promise<StoredConnector> {
  const { organizationId } = actor
  const id = newId('connector')
  // Actions are rows of their own: kept in the head as well, the next import would differ by them.
  const { actions, ...head } = definition
  await insertConnector(tx, { ...contentOf(head), id, organizationId, slug: definition.slug })
  await insertActions(tx, { id, organizationId }, actions.map(newAction))
  await keepVersion(tx, id, { origin: 'import', changes: null, createdBy: actor.id })
  return { row: await reread(tx, id), replaced: false, changes: null, kept: [] }
}

/** What storing a definition over an existing connector would make of it. */
export async function joinWithPresent(
  tx: Tx,
  connector: ConnectorRow,
  definition: ConnectorDefinition,
): Promise<{ merged: ConnectorContent; changes: ConnectorChanges; kept: string[] }> {
  const ours = await presentContent(tx, connector)
  const imported = await latestImport(tx, connector.id)
  const base = imported === undefined ? ours : versionContent(imported)
  const inUse = new Set((await authMethodsInUse(tx, connector.id)).map(({ slug }) => slug))
  const { content: merged, kept } = mergeImport(base, ours, definitionContent(definition), inUse)
  return { merged, changes: diffConnectors(ours, merged), kept }
}

export async function presentContent(tx: Tx, connector: ConnectorRow): Promise<ConnectorContent> {
  const row = await getCurrentContent(tx, connector.id)
  if (row === undefined) throw new Error('the connector just read is not there')
  return versionContent(row)
}

/** Keeps what the connector is now, and makes `content` its next version. */
export async function storeNextVersion(
  tx: Tx,
  actor: Actor,
  connector: ConnectorRow,
  content: ConnectorContent,
  origin: VersionOrigin,
  changes: ConnectorChanges,
): Promise<void> {
  const { id } = connector
  await keepPresentVersion(tx, actor, connector)
  await beginVersion(tx, id)
  const definition = { ...content.head, slug: connector.slug, schemas: content.schemas }
  await updateConnector(tx, id, contentOf(definition))
  await replaceActions(
    tx,
    { id, organizationId: actor.organizationId },
    Object.values(content.actions).map(newAction),
  )
  await keepVersion(tx, id, { origin, changes, createdBy: actor.id })
}

/** Keeps what was changed by hand as a version of its own, unless it is kept already. */
export async function keepPresentVersion(tx: Tx, actor: Actor, connector: ConnectorRow): Promise<void> {
  if (await isVersionKept(tx, connector.id, connector.version)) return
  const before = await getVersionContent(tx, connector.id, connector.version - 1)
  const changes =
    before === undefined ? null : diffConnectors(versionContent(before), await presentContent(tx, connector))
  await keepVersion(tx, connector.id, { origin: 'edit', changes, createdBy: actor.id })
}

async function reread(tx: Tx, id: string): Promise<ConnectorRow> {
  const row = await findConnector(tx, id) // with the number of its actions
  if (row === undefined) throw new Error('the connector just stored is not there')
  return row
}
