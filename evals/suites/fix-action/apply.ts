import { isDeepStrictEqual } from 'node:util'
import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'
import type { Doors } from '../../doors.ts'
import type { Mutation } from '../../mutations/mutation.ts'
import { exported, type World } from './world.ts'

const REMOVABLE = ['baseUrl', 'body', 'outputSchema', 'auth', 'pagination'] as const
const FIELDS = ['method', 'path', 'parameters', 'inputSchema', 'effect', ...REMOVABLE] as const

/** What makes `after` of `before` by update_action; null: they are the same. */
function updateOf(before: ActionDefinition, after: ActionDefinition): object | null {
  const changed = FIELDS.filter((field) => !isDeepStrictEqual(before[field], after[field]))
  if (changed.length === 0) return null
  // The effect is said, so that it does not follow from a method that is changed.
  return {
    ...Object.fromEntries(changed.map((field) => [field, after[field] ?? null])),
    effect: after.effect,
  }
}

const actionIn = ({ actions }: ConnectorDefinition, slug: string): ActionDefinition => {
  const action = actions.find((one) => one.slug === slug)
  if (action === undefined) throw new Error(`there is no action ${slug}`)
  return action
}

/** @throws ToolFailure when Patchbay does not take such an action, which is then no mutation */
export async function breakAction(doors: Doors, { definition }: World, mutation: Mutation): Promise<void> {
  const { action, broken, connector } = mutation
  const update = broken === undefined ? null : updateOf(actionIn(definition, action), broken)
  if (update !== null) await doors.call('update_action', { connector: definition.slug, action, ...update })
  if (connector !== undefined)
    await doors.call('update_connector', { connector: definition.slug, ...connector })
}

/** Makes the connector right again. @throws Error when it is not: then nothing measured after it would count */
export async function restore(doors: Doors, { definition }: World): Promise<void> {
  const now = await exported(doors, definition.slug)
  const { baseUrl, authMethods } = definition
  if (!isDeepStrictEqual([now.baseUrl, now.authMethods], [baseUrl, authMethods]))
    await doors.call('update_connector', { connector: definition.slug, baseUrl, authMethods })
  for (const action of definition.actions) {
    const update = updateOf(actionIn(now, action.slug), action)
    if (update !== null)
      await doors.call('update_action', { connector: definition.slug, action: action.slug, ...update })
  }
  const after = await exported(doors, definition.slug)
  if (differing(definition, after, []).length > 0)
    throw new Error(`the connector ${definition.slug} could not be put back`)
}

/** Whatever of two definitions differs, without one action and without some fields of the connector. */
export function differing(
  before: ConnectorDefinition,
  after: ConnectorDefinition,
  except: readonly string[],
): string[] {
  const { actions: old, ...oldHead } = before
  const { actions: now, ...newHead } = after
  const heads = [oldHead, newHead] as Record<string, unknown>[]
  const fields = [...new Set(heads.flatMap(Object.keys))].filter(
    (field) => !except.includes(field) && !isDeepStrictEqual(heads[0]?.[field], heads[1]?.[field]),
  )
  const slugs = [...new Set([...old, ...now].map(({ slug }) => slug))].filter(
    (slug) =>
      !except.includes(`actions.${slug}`) &&
      !isDeepStrictEqual(
        old.find((action) => action.slug === slug),
        now.find((action) => action.slug === slug),
      ),
  )
  return [...fields, ...slugs.map((slug) => `actions.${slug}`)]
}
