import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { JsonSchema } from '../../../core/json.ts'
import {
  type ActionDefinition,
  type AuthMethod,
  type ConnectorDefinition,
  credentialFields,
} from '../definition.ts'
import { compareSchemas } from './compare-schemas.ts'
import { changedSchemas, refersTo } from './shared-references.ts'

/** What became of a connector from one version to another. */
export const ConnectorChanges = z
  .object({
    added: z.array(z.string()).describe('Slugs of new actions.'),
    removed: z.array(z.string()).describe('Slugs of actions that are gone.'),
    renamed: z
      .array(
        z.object({
          action: z.string().describe('Its slug, which stays.'),
          from: z.string(),
          to: z.string().describe('The new operationId.'),
        }),
      )
      .describe('Actions whose operation is called otherwise now.'),
    changed: z
      .array(
        z.object({
          action: z.string().describe('Slug.'),
          fields: z.array(z.string()).describe('Fields of its definition that differ.'),
          breaking: z.boolean().describe('False: what relied on it goes on working.'),
        }),
      )
      .describe('Actions that differ.'),
    connector: z.array(z.string()).describe('Fields of the connector itself that differ.'),
    breaking: z
      .array(
        z.object({
          action: z.string().nullable().describe('Slug; null: the connector itself.'),
          where: z.string().describe('What it is about, e.g. input.amount.'),
          what: z.string().describe('How it breaks what relied on it.'),
        }),
      )
      .describe('Changes that may break workflows, agents or connections.'),
  })
  .describe('What became of a connector from one version to another.')
export type ConnectorChanges = z.infer<typeof ConnectorChanges>

type Head = Omit<ConnectorDefinition, 'slug' | 'actions' | 'schemas'>

/** A connector's whole content, its actions by slug. */
export interface ConnectorContent {
  head: Head
  schemas: Record<string, JsonSchema>
  actions: Record<string, ActionDefinition>
}

export const hasChanges = (changes: ConnectorChanges): boolean =>
  changes.added.length +
    changes.removed.length +
    changes.renamed.length +
    changes.changed.length +
    changes.connector.length >
  0

/** Compares two versions. Equal ones give no change; what only becomes wider is never called breaking. */
export function diffConnectors(before: ConnectorContent, after: ConnectorContent): ConnectorChanges {
  const slugs = { before: Object.keys(before.actions), after: Object.keys(after.actions) }
  const removed = slugs.before.filter((slug) => !Object.hasOwn(after.actions, slug)).toSorted()
  const shared = changedSchemas(before.schemas, after.schemas)
  const changes: ConnectorChanges = {
    added: slugs.after.filter((slug) => !Object.hasOwn(before.actions, slug)).toSorted(),
    removed,
    renamed: [],
    changed: [],
    connector: differingHead(before.head, after.head, shared),
    breaking: removed.map((action) => ({ action, where: 'action', what: 'is gone' })),
  }
  changes.breaking.push(...headBreaks(before.head, after.head))
  for (const slug of slugs.before.toSorted()) {
    const old = before.actions[slug]
    const now = Object.hasOwn(after.actions, slug) ? after.actions[slug] : undefined
    if (old === undefined || now === undefined) continue
    const sides = {
      input: [side(old.inputSchema, before), side(now.inputSchema, after)],
      output: [side(old.outputSchema, before), side(now.outputSchema, after)],
    } as const
    const breaks = [
      ...actionBreaks(old, now),
      ...compareSchemas(...sides.input, 'input').map((one) => ({ ...one, where: `input.${one.where}` })),
      ...(now.outputSchema === undefined
        ? []
        : compareSchemas(...sides.output, 'output').map((one) => ({ ...one, where: `output.${one.where}` }))),
    ]
    const fields = differingAction(old, now, shared)
    if (fields.length > 0 || breaks.length > 0)
      changes.changed.push({ action: slug, fields, breaking: breaks.length > 0 })
    const names = { from: old.source?.operationId, to: now.source?.operationId }
    if (names.from !== undefined && names.to !== undefined && names.from !== names.to)
      changes.renamed.push({ action: slug, from: names.from, to: names.to })
    changes.breaking.push(...breaks.map((one) => ({ action: slug, ...one })))
  }
  return changes
}

const side = (schema: JsonSchema | undefined, { schemas }: ConnectorContent) => ({ schema, shared: schemas })

/** Also what only refers to a shared schema that is another now. */
function differingAction(
  old: ActionDefinition,
  now: ActionDefinition,
  shared: ReadonlySet<string>,
): string[] {
  const fields = new Set(differingFields(old, now).filter((field) => field !== 'source'))
  for (const field of ['inputSchema', 'outputSchema'] as const)
    if (refersTo(now[field], shared)) fields.add(field)
  return [...fields].toSorted()
}

function differingHead(old: Head, now: Head, shared: ReadonlySet<string>): string[] {
  const fields = new Set(differingFields(old, now))
  if (now.events.some(({ payloadSchema }) => refersTo(payloadSchema, shared))) fields.add('events')
  return [...fields].toSorted()
}

function differingFields(before: object, after: object): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names]
    .filter(
      (name) =>
        !isDeepStrictEqual(
          (before as Record<string, unknown>)[name],
          (after as Record<string, unknown>)[name],
        ),
    )
    .toSorted()
}

function actionBreaks(old: ActionDefinition, now: ActionDefinition): { where: string; what: string }[] {
  const breaks: { where: string; what: string }[] = []
  // Our callers name the action, not the address; who wrote rules or mocks for the address must know.
  if (old.method !== now.method)
    breaks.push({ where: 'method', what: `is ${now.method} now, was ${old.method}` })
  if (old.path !== now.path) breaks.push({ where: 'path', what: `is ${now.path} now, was ${old.path}` })
  if (old.effect === 'read' && now.effect !== 'read')
    breaks.push({ where: 'effect', what: `changes data now (${now.effect})` })
  const lost = lostAuth(old.auth, now.auth)
  if (lost !== undefined) breaks.push({ where: 'auth', what: lost })
  return breaks
}

/** Auth methods that an action takes: any of the connector's when not said; none are needed when empty. */
function lostAuth(old: ActionDefinition['auth'], now: ActionDefinition['auth']): string | undefined {
  if (now?.length === 0) return undefined
  if (old?.length === 0) return 'needs credentials now'
  if (now === undefined) return undefined
  if (old === undefined) return `takes only ${now.join(', ')} now`
  const lost = old.filter((slug) => !now.includes(slug))
  return lost.length === 0 ? undefined : `no longer takes ${lost.join(', ')}`
}

/** What connections made with a method lack, or send where it is not looked for any more. */
function methodBreaks(old: AuthMethod, now: AuthMethod): string[] {
  const had = new Set(credentialFields(old).map(({ name }) => name))
  const missing = credentialFields(now).filter(({ name, optional }) => optional !== true && !had.has(name))
  const moved = (['in', 'parameterName', 'prefix'] as const).filter((field) => old[field] !== now[field])
  return [
    ...missing.map(({ name }) => `needs '${name}' now, which its connections do not have`),
    ...moved.map(
      (field) => `${field} is ${now[field] ?? 'the default'} now, was ${old[field] ?? 'the default'}`,
    ),
  ]
}

function headBreaks(old: Head, now: Head): ConnectorChanges['breaking'] {
  const breaks: ConnectorChanges['breaking'] = []
  if (old.baseUrl !== now.baseUrl)
    breaks.push({ action: null, where: 'baseUrl', what: `is ${now.baseUrl} now, was ${old.baseUrl}` })
  for (const method of old.authMethods) {
    const same = now.authMethods.find(({ slug }) => slug === method.slug)
    const where = `authMethods.${method.slug}`
    if (same === undefined)
      breaks.push({ action: null, where, what: 'is gone: its connections stop working' })
    else if (same.type !== method.type)
      breaks.push({ action: null, where, what: `is ${same.type} now, no longer ${method.type}` })
    else breaks.push(...methodBreaks(method, same).map((what) => ({ action: null, where, what })))
  }
  const events = new Set(now.events.map(({ slug }) => slug))
  for (const { slug } of old.events)
    if (!events.has(slug)) breaks.push({ action: null, where: `events.${slug}`, what: 'is gone' })
  return breaks
}
