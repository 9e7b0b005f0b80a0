import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Edition, editionKey, listActionDocuments } from '../../db/action-documents.ts'
import type { Tx } from '../../db/database.ts'
import { type ActionDocument, type ActionIndex, buildActionIndex } from './action-index.ts'

/** Operations kept in memory over all organizations; the index of the one longest unused goes first. */
const MAX_DOCUMENTS = 60_000
/** Operations added before other work gets its turn. */
const DOCUMENTS_PER_TURN = 100

export interface SearchableConnector extends Edition {
  slug: string
  name: string
  /** Counts the changes of the connector and its actions: what is indexed of another one is out of date. */
  revision: number
}

export interface ActionSearch {
  /**
   * Actions of exactly these connectors that fit a request in words, best first. Whoever calls says which
   * connectors the caller may see; indexes are per organization.
   * @param read a tenant transaction of the caller's
   */
  search(
    where: {
      organizationId: string
      connectors: readonly SearchableConnector[]
      read<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
    },
    want: { query: string; effect: ActionDocument['effect'] | null },
  ): Promise<ActionDocument[]>
}

interface OrganizationIndex {
  index: ActionIndex
  /** By connector, one held on a version apart. `key`: see editionKey. */
  connectors: Map<string, { key: string; ids: string[] }>
  documents: Map<string, ActionDocument>
  /** Changes of one index wait for one another. */
  changing: Promise<void>
}

/** Search over the actions of connectors: indexes are built when first asked, and renewed by revision. */
export function buildActionSearch(): ActionSearch {
  const indexes = new LRUCache<string, OrganizationIndex>({
    maxSize: MAX_DOCUMENTS,
    sizeCalculation: ({ index }) => Math.min(MAX_DOCUMENTS, index.size + 1),
  })
  const indexOf = (organizationId: string): OrganizationIndex => {
    const known = indexes.get(organizationId)
    if (known !== undefined) return known
    const made: OrganizationIndex = {
      index: buildActionIndex(),
      connectors: new Map(),
      documents: new Map(),
      changing: Promise.resolve(),
    }
    indexes.set(organizationId, made)
    return made
  }

  return {
    search: async ({ organizationId, connectors, read }, { query, effect }) => {
      const own = indexOf(organizationId)
      const stale = () => connectors.filter((one) => own.connectors.get(slotOf(one))?.key !== editionKey(one))
      if (stale().length > 0) {
        const change = own.changing.then(async () => {
          for (const connector of stale()) {
            const rows = await read((tx) => listActionDocuments(tx, connector))
            await replace(
              own,
              connector,
              rows.map((row) => ({ ...row, app: `${connector.slug} ${connector.name}` })),
            )
          }
          // Its size has changed. What was deleted since stays in it, so one that has grown too large starts anew.
          if (own.index.size > MAX_DOCUMENTS) indexes.delete(organizationId)
          else indexes.set(organizationId, own)
        })
        own.changing = change.catch(() => undefined)
        await change
      }
      const allowed = new Set(connectors.flatMap((one) => own.connectors.get(slotOf(one))?.ids ?? []))
      return own.index
        .search(
          query,
          (document) => allowed.has(document.id) && (effect === null || document.effect === effect),
        )
        .flatMap(({ id }) => own.documents.get(id) ?? [])
    },
  }
}

/** What newer content of takes the place of older. */
const slotOf = ({ id, pinned }: Edition): string => (pinned === null ? id : `${id}@${pinned}`)

async function replace(
  own: OrganizationIndex,
  connector: SearchableConnector,
  documents: readonly ActionDocument[],
): Promise<void> {
  const slot = slotOf(connector)
  const old = own.connectors.get(slot)?.ids ?? []
  own.connectors.delete(slot)
  own.index.remove(old)
  for (const id of old) own.documents.delete(id)
  for (let from = 0; from < documents.length; from += DOCUMENTS_PER_TURN) {
    const some = documents.slice(from, from + DOCUMENTS_PER_TURN)
    own.index.add(some)
    for (const document of some) own.documents.set(document.id, document)
    await setImmediate()
  }
  own.connectors.set(slot, { key: editionKey(connector), ids: documents.map(({ id }) => id) })
}
