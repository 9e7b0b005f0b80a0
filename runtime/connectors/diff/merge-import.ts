import { isDeepStrictEqual } from 'node:util'
import type { ActionDefinition, AuthMethod, EventDefinition } from '../definition.ts'
import type { ConnectorContent } from './connector-changes.ts'
import { usedSchemas } from './shared-references.ts'

export interface MergedImport {
  content: ConnectorContent
  /** What was changed by hand since the last import and therefore stays, e.g. `authMethods.oauth`, `get_user.pagination`. */
  kept: string[]
}

/**
 * A newer import joined with what was changed by hand since the one before: a field that differs from that one's
 * stays as it is, everything else becomes what the new document says. Actions added by hand stay, actions
 * deleted by hand stay away.
 * @param base what the last import made; the connector as it is now, when no import made it
 * @param inUse slugs of auth methods that connections were made with: they stay, whatever the document says
 */
export function mergeImport(
  base: ConnectorContent,
  ours: ConnectorContent,
  theirs: ConnectorContent,
  inUse: ReadonlySet<string> = new Set(),
): MergedImport {
  const kept: string[] = []
  const {
    authMethods: _methods,
    verification: _verification,
    ...head
  } = mergeFields(base.head, ours.head, theirs.head, '', kept)
  const actions: Record<string, ActionDefinition> = {}
  for (const [slug, action] of Object.entries(theirs.actions)) {
    const before = own(base.actions, slug)
    const now = own(ours.actions, slug)
    if (before !== undefined && now === undefined) kept.push(`${slug} (deleted)`)
    else
      actions[slug] =
        before === undefined || now === undefined
          ? action
          : ({
              ...mergeFields(before, now, action, `${slug}.`, kept),
              source: action.source,
            } as ActionDefinition)
  }
  for (const [slug, action] of Object.entries(ours.actions)) {
    if (own(base.actions, slug) !== undefined || own(actions, slug) !== undefined) continue
    actions[slug] = action
    kept.push(slug)
  }
  const verification = keptVerification(base, ours, theirs, actions)
  const content: ConnectorContent = {
    head: {
      ...head,
      authMethods: mergeMethods({ base, ours, theirs }, inUse, kept),
      events: mergeEvents({ base, ours, theirs }, kept),
      ...(verification === undefined ? {} : { verification }),
    } as ConnectorContent['head'],
    // What is kept by hand may refer to schemas that the new document no longer has.
    schemas: { ...ours.schemas, ...theirs.schemas },
    actions,
  }
  return { content: { ...content, schemas: neededSchemas(content, theirs) }, kept }
}

/** Without the schemas nothing refers to any more; those that the document itself has to spare stay. */
function neededSchemas(merged: ConnectorContent, theirs: ConnectorContent): ConnectorContent['schemas'] {
  const used = usedSchemas(merged)
  const usedByTheirs = usedSchemas(theirs)
  const isSpare = (name: string) => own(theirs.schemas, name) !== undefined && !usedByTheirs.has(name)
  return Object.fromEntries(
    Object.entries(merged.schemas).filter(([name]) => used.has(name) || isSpare(name)),
  )
}

const own = <T>(record: Record<string, T>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

const MERGED_APART = new Set(['authMethods', 'verification', 'events'])

/** Events one by one: how one is subscribed to was defined by hand, what it holds is the document's to say. */
function mergeEvents(
  { base, ours, theirs }: Record<'base' | 'ours' | 'theirs', ConnectorContent>,
  kept: string[],
): EventDefinition[] {
  const find = ({ head }: ConnectorContent, slug: string) => head.events.find((event) => event.slug === slug)
  const merged = theirs.head.events.flatMap((event) => {
    const before = find(base, event.slug)
    const now = find(ours, event.slug)
    if (now === undefined && before !== undefined) kept.push(`events.${event.slug} (deleted)`)
    if (now === undefined) return before === undefined ? [event] : []
    return [mergeFields(before ?? event, now, event, `events.${event.slug}.`, kept)]
  })
  const added = ours.head.events.filter(
    ({ slug }) => find(base, slug) === undefined && find(theirs, slug) === undefined,
  )
  kept.push(...added.map(({ slug }) => `events.${slug}`))
  return [...merged, ...added]
}

/** Field by field: ours where it was changed by hand, else theirs. */
function mergeFields<T extends object>(base: T, ours: T, theirs: T, prefix: string, kept: string[]): T {
  const names = new Set([...Object.keys(base), ...Object.keys(ours), ...Object.keys(theirs)]) as Set<
    keyof T & string
  >
  const merged: Partial<T> = {}
  for (const name of names) {
    const isOurs =
      name !== 'source' &&
      !isDeepStrictEqual(ours[name], base[name]) &&
      !isDeepStrictEqual(ours[name], theirs[name])
    const value = isOurs ? ours[name] : theirs[name]
    if (value !== undefined) merged[name] = value
    if (isOurs && !MERGED_APART.has(name)) kept.push(`${prefix}${name}`)
  }
  return merged as T
}

/** Auth methods one by one: what people have connected with must not go because a document says less. */
function mergeMethods(
  { base, ours, theirs }: Record<'base' | 'ours' | 'theirs', ConnectorContent>,
  inUse: ReadonlySet<string>,
  kept: string[],
): AuthMethod[] {
  const find = (content: ConnectorContent, slug: string) =>
    content.head.authMethods.find((method) => method.slug === slug)
  const merged = theirs.head.authMethods.map((method) => {
    const now = find(ours, method.slug)
    if (
      now === undefined ||
      isDeepStrictEqual(now, find(base, method.slug)) ||
      isDeepStrictEqual(now, method)
    )
      return method
    kept.push(`authMethods.${method.slug}`)
    return now
  })
  const added = ours.head.authMethods.filter(
    ({ slug }) => find(base, slug) === undefined && find(theirs, slug) === undefined,
  )
  const needed = ours.head.authMethods.filter(
    (method) => inUse.has(method.slug) && find(theirs, method.slug) === undefined && !added.includes(method),
  )
  kept.push(...[...added, ...needed].map(({ slug }) => `authMethods.${slug}`))
  // What was added by hand stands first, as the one a new connection is offered.
  return [...added, ...merged, ...needed]
}

/** A document rarely names a verification call; one chosen by hand stays while its action does. */
function keptVerification(
  base: ConnectorContent,
  ours: ConnectorContent,
  theirs: ConnectorContent,
  actions: Record<string, ActionDefinition>,
): ConnectorContent['head']['verification'] {
  const chosen = ours.head.verification
  const byHand = !isDeepStrictEqual(chosen, base.head.verification) || theirs.head.verification === undefined
  const wanted = byHand ? chosen : theirs.head.verification
  return wanted !== undefined && own(actions, wanted.action) !== undefined ? wanted : undefined
}
