import { isDeepStrictEqual } from 'node:util'
import { applyPatch, type Operation } from 'rfc6902'
import { z } from 'zod'
import { AppError, invalidInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ActionDefinition, ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { effectOf, EFFECT_RANK as RANK } from '../../runtime/connectors/effect.ts'
import type { ToolCall } from '../tool-call.ts'

export const PatchOperation = z.object({
  op: z.enum(['add', 'remove', 'replace', 'move', 'copy', 'test']),
  path: z.string().startsWith('/').describe('JSON pointer into the action.'),
  value: z.unknown().optional(),
  from: z.string().optional().describe('move and copy only.'),
})
export type PatchOperation = z.infer<typeof PatchOperation>

/** A change of an action, and of what its connector's actions share, that may mend it. */
export interface Candidate {
  by: 'deterministic' | 'model'
  patch: PatchOperation[]
  connectorPatch: PatchOperation[]
  /** Inputs of update_action and update_connector; null: that stays as it is. */
  update: JsonObject | null
  connectorUpdate: JsonObject | null
  reason: string
  /** Why it may not be tried. */
  refused?: string
  confidence: number
  /** What it is founded on: traces, operations of a description, passages of documentation. */
  citations: string[]
}

/** Fields update_action takes, in which two definitions of one action can differ. */
const ACTION_FIELDS = [
  'name',
  'description',
  'method',
  'path',
  'baseUrl',
  'effect',
  'idempotent',
  'parameters',
  'body',
  'inputSchema',
  'outputSchema',
  'tags',
  'auth',
  'pagination',
  'idempotencyHeader',
  'errors',
] as const
const CONNECTOR_FIELDS = ['baseUrl', 'variables', 'authMethods', 'errors', 'expiry'] as const

type Definition = ConnectorDefinition

export const definitionOf = async (call: ToolCall, connector: string): Promise<Definition> =>
  (await call('export_connector', { connector })).definition as unknown as Definition

export const actionIn = ({ actions }: Definition, slug: string): ActionDefinition | undefined =>
  actions.find((action) => action.slug === slug)

/** The input of update_action that makes `after` of `before`; null: they are the same. */
export function updateBetween(
  connector: string,
  before: ActionDefinition,
  after: ActionDefinition,
): JsonObject | null {
  const changed = ACTION_FIELDS.filter((field) => !isDeepStrictEqual(before[field], after[field]))
  if (changed.length === 0) return null
  const fields = Object.fromEntries(changed.map((field) => [field, after[field] ?? null]))
  return { connector, action: before.slug, ...fields } as JsonObject
}

export function connectorUpdateBetween(before: Definition, after: Definition): JsonObject | null {
  const changed = CONNECTOR_FIELDS.filter((field) => !isDeepStrictEqual(before[field], after[field]))
  if (changed.length === 0) return null
  const fields = Object.fromEntries(changed.map((field) => [field, after[field] ?? null]))
  return { connector: before.slug, ...fields } as JsonObject
}

const FIXED = ['/slug', '/source']
/**
 * What decides where an account's credentials go, and what a test may call without leave. A model reads what others
 * wrote, and its patch is called with the account before a person sees it: of these it changes nothing.
 */
const HELD = ['baseUrl', 'auth', 'effect'] as const

/**
 * A candidate of a JSON Patch (RFC 6902) on an action.
 * @throws AppError `invalid_input` for a patch that cannot be applied, or touches what an action is known by
 */
export function candidateOfPatch(
  connector: string,
  action: ActionDefinition,
  patch: readonly PatchOperation[],
  told: Pick<Candidate, 'by' | 'reason' | 'confidence' | 'citations'>,
): Candidate {
  const forbidden = patch.find(({ path }) =>
    FIXED.some((fixed) => path === fixed || path.startsWith(`${fixed}/`)),
  )
  if (forbidden !== undefined)
    throw invalidInput(`A patch does not change ${forbidden.path}.`, { where: forbidden.path })
  const after = structuredClone(action)
  const failed = applyPatch(after, patch as Operation[]).find((error) => error !== null)
  if (failed !== undefined && failed !== null)
    throw invalidInput(`The patch cannot be applied: ${failed.message}.`, {
      where: 'patch',
      hint: 'Its paths are JSON pointers into the action as it is now.',
    })
  if (told.by === 'model') refuseHeld(action, after)
  return {
    ...told,
    patch: [...patch],
    connectorPatch: [],
    update: updateBetween(connector, action, after),
    connectorUpdate: null,
  }
}

/** @throws AppError `forbidden` for a change that is a person's to make */
function refuseHeld(before: ActionDefinition, after: ActionDefinition): void {
  const held = HELD.find((field) => !isDeepStrictEqual(before[field], after[field]))
  // A test calls an action as its effect allows: what is called as a read does not become a write, nor that a deletion.
  const more = RANK[effectOf(after)] > RANK[effectOf(before)]
  const changed = held ?? (more && RANK[effectOf(after)] > RANK[before.effect] ? 'what it does' : undefined)
  if (changed === undefined) return
  throw new AppError('forbidden', `A model's patch does not change ${changed}.`, {
    where: held === undefined ? '/method' : `/${held}`,
    hint: 'It decides where credentials go, or what is called as a read: change it with update_action.',
  })
}
