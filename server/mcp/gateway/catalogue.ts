import { LRUCache } from 'lru-cache'
import {
  type ActionDocumentRow,
  type ConnectedApp,
  editionKey,
  listActionDocuments,
  listConnectedApps,
  listUsedActions,
} from '../../../db/action-documents.ts'
import type { Tx } from '../../../db/database.ts'
import type { GatewaySession } from './session.ts'
import { nameActions } from './tool-names.ts'

/** Actions remembered over all organizations, by connector and revision. */
const MAX_DOCUMENTS = 60_000
const MAX_NAMINGS = 200

export interface GatewayAction {
  name: string
  app: ConnectedApp
  document: ActionDocumentRow
}

/** What a session can do, all of it: listed or not. */
export interface Catalogue {
  apps: readonly ConnectedApp[]
  byName(name: string): GatewayAction | undefined
  find(connector: string, action: string): GatewayAction | undefined
  /** The actions to list, the most useful first. */
  ranked(used: readonly { connector: string; action: string }[], max: number): GatewayAction[]
}

export interface Catalogues {
  /** The customer's actions as they are now. Reading connections each time, whatever changed elsewhere is seen. */
  load(tx: Tx, session: GatewaySession): Promise<Catalogue>
  used(tx: Tx, session: GatewaySession): ReturnType<typeof listUsedActions>
}

type Naming = ReadonlyMap<
  string,
  { connector: string; action: string; connectorId: string; document: ActionDocumentRow }
>

/** @param reserved names that no action's tool may have */
export function buildCatalogues(reserved: ReadonlySet<string>): Catalogues {
  const documents = new LRUCache<string, ActionDocumentRow[]>({
    maxSize: MAX_DOCUMENTS,
    sizeCalculation: (rows) => Math.min(MAX_DOCUMENTS, rows.length + 1),
  })
  const namings = new LRUCache<string, Naming>({ max: MAX_NAMINGS })

  const documentsOf = async (tx: Tx, app: ConnectedApp): Promise<ActionDocumentRow[]> => {
    const key = editionKey(app)
    const known = documents.get(key)
    if (known !== undefined) return known
    const rows = await listActionDocuments(tx, app)
    documents.set(key, rows)
    return rows
  }

  return {
    used: (tx, { customer }) => listUsedActions(tx, customer.id),
    load: async (tx, { customer, connectors, readOnly }) => {
      const all = await listConnectedApps(tx, customer.id)
      // All are named, also those this session does not show: a selection must not rename tools.
      const key = all.map(editionKey).join(' ')
      let naming = namings.get(key)
      if (naming === undefined) {
        const actions: {
          connector: string
          action: string
          connectorId: string
          document: ActionDocumentRow
        }[] = []
        for (const app of all) {
          for (const document of await documentsOf(tx, app)) {
            actions.push({ connector: app.slug, action: document.slug, connectorId: app.id, document })
          }
        }
        naming = nameActions(actions, reserved)
        namings.set(key, naming)
      }
      const apps = all.filter(
        ({ slug, id }) => connectors === null || connectors.includes(slug) || connectors.includes(id),
      )
      return catalogueOf(apps, naming, readOnly)
    },
  }
}

function catalogueOf(apps: readonly ConnectedApp[], naming: Naming, readOnly: boolean): Catalogue {
  const byId = new Map(apps.map((app) => [app.id, app]))
  const shown = (
    entry: { connectorId: string; document: ActionDocumentRow },
    name: string,
  ): GatewayAction | undefined => {
    const app = byId.get(entry.connectorId)
    if (app === undefined || (readOnly && entry.document.effect !== 'read')) return undefined
    return { name, app, document: entry.document }
  }
  const all = () => [...naming].flatMap(([name, entry]) => shown(entry, name) ?? [])
  return {
    apps,
    byName: (name) => {
      const entry = naming.get(name)
      return entry === undefined ? undefined : shown(entry, name)
    },
    find: (connector, action) =>
      all().find(
        ({ app, document }) => (app.slug === connector || app.id === connector) && document.slug === action,
      ),
    ranked: (used, max) => rank(all(), used).slice(0, max),
  }
}

/** What was used of late first; then of each app in turn, so that a large one leaves room for the others. */
function rank(
  actions: readonly GatewayAction[],
  used: readonly { connector: string; action: string }[],
): GatewayAction[] {
  const key = (connector: string, action: string) => `${connector}.${action}`
  const byKey = new Map(actions.map((action) => [key(action.app.slug, action.document.slug), action]))
  const first = used.flatMap(({ connector, action }) => byKey.get(key(connector, action)) ?? [])
  const taken = new Set(first)
  const perApp = new Map<string, GatewayAction[]>()
  for (const action of actions) {
    if (taken.has(action)) continue
    const own = perApp.get(action.app.id) ?? []
    own.push(action)
    perApp.set(action.app.id, own)
  }
  const queues = [...perApp.values()].map((own) => own.toSorted((a, b) => rarity(a) - rarity(b)))
  const longest = Math.max(0, ...queues.map(({ length }) => length))
  const rest: GatewayAction[] = []
  for (let turn = 0; turn < longest; turn += 1) {
    for (const queue of queues) {
      const next = queue[turn]
      if (next !== undefined) rest.push(next)
    }
  }
  // Reads and writes before what destroys, whichever app it is of.
  const destroys = ({ document }: GatewayAction) => document.effect === 'destructive'
  return [...first, ...rest.filter((action) => !destroys(action)), ...rest.filter(destroys)]
}

/** Plain operations on an app's main things are wanted more often than those deep down, or with many inputs. */
function rarity({ document }: GatewayAction): number {
  const depth = document.path.split('/').filter((part) => part !== '').length
  const effect = { read: 0, write: 1, destructive: 4 }[document.effect]
  return depth + effect + document.required.length * 0.5 + (document.deprecated ? 10 : 0)
}
