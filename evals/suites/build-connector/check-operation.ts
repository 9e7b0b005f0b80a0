import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'
import type { Doors } from '../../doors.ts'
import { type Behaviour, checkAction } from '../fix-action/check-action.ts'
import type { World } from '../fix-action/world.ts'

export interface Operation {
  method: string
  /** As the API's description has it: `/invoices/{invoiceId}`. */
  path: string
}

/** Whether a connector has an action for an operation that does, at the API, all that the right one did. */
export async function checkOperation(
  doors: Doors,
  world: World,
  definition: ConnectorDefinition,
  { operation, wanted }: { operation: Operation; wanted: Behaviour },
): Promise<string[]> {
  const name = `${operation.method} ${operation.path}`
  const base = basePathOf(world)
  const actions = definition.actions.filter(
    ({ method, path, baseUrl }) =>
      method.toUpperCase() === operation.method.toUpperCase() &&
      shapeOf(`${pathOf(baseUrl ?? definition.baseUrl)}${path}`) === shapeOf(`${base}${operation.path}`),
  )
  if (actions.length === 0) return [`${name}: no action calls it`]
  const found = await Promise.all(
    actions.map(async (action) => {
      const checked = { doors, api: world.api, definition, action }
      const { problems, behaviour } = await checkAction(checked, wanted.collects === true)
      return problems.length > 0 ? problems : lacking(behaviour, wanted)
    }),
  )
  // Two actions for one operation are no fault, when one of them is right.
  const best = found.toSorted((one, other) => one.length - other.length)[0] ?? []
  return best.map((problem) => `${name}: ${problem}`)
}

function lacking(found: Behaviour, wanted: Behaviour): string[] {
  const missing = wanted.sent.filter((name) => !found.sent.includes(name))
  return [
    ...(missing.length === 0 ? [] : [`it cannot send ${missing.join(', ')}`]),
    ...(wanted.warnings.length > 0 && found.warnings.length === 0
      ? ['an answer that is not as described passes for one that is']
      : []),
  ]
}

/** Where the API of a world is, below its host. */
export const basePathOf = ({ definition }: Pick<World, 'definition'>): string => pathOf(definition.baseUrl)

const pathOf = (url: string | undefined): string =>
  url === undefined ? '' : (URL.parse(url)?.pathname ?? '').replace(/\/+$/, '')

/** What placeholders are called is the connector's affair. */
const shapeOf = (path: string): string => decodeURI(path).replace(/\{[^{}]*\}/g, '{}')
