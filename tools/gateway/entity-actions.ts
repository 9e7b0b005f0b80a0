import type { ActionDocument } from '../../runtime/search/action-index.ts'
import { termsOf, verbClassesOf } from '../../runtime/search/words.ts'

/** Input keys a text to look for goes into. */
const QUERY_KEY = /^(q|query|search|search_?(term|text|query)|term|keywords?|text)$/i
/** Words of slugs that say how, not what. */
const NOT_ENTITIES = new Set(
  termsOf('api v1 v2 v3 me mine id ids by for of user_id post put patch batch bulk'),
)

/** How records of one kind are found in an app. */
export interface EntityAction {
  action: ActionDocument
  /** The input key that takes the text; null when the answer must be looked through. */
  queryKey: string | null
}

/** What a list or search action gives a list of: the last thing its path names. Null for other actions. */
export function entityOf(action: ActionDocument): string | null {
  if (action.effect !== 'read' || action.deprecated) return null
  if (!callable(action)) return null
  const segments = action.path.split(/[/.]/).filter((part) => part !== '' && !part.startsWith('{'))
  const last = segments.findLast((part) => !isVerb(part) && !NOT_ENTITIES.has(part.toLowerCase()))
  return last === undefined || action.path.endsWith('}') ? null : last.toLowerCase()
}

/** The best action to find records of a type with, among those search found: best first. */
export function entityAction(found: readonly ActionDocument[], type: string): EntityAction | undefined {
  const wanted = termsOf(type)
  const fitting = found.filter((action) => {
    if (action.effect !== 'read' || action.deprecated || !callable(action) || action.path.endsWith('}'))
      return false
    const named = new Set([...termsOf(action.slug), ...termsOf(action.path.replaceAll(/\{[^}]*\}/g, ' '))])
    return wanted.every((term) => named.has(term))
  })
  const options = fitting.map((action) => ({ action, queryKey: queryKeyOf(action) }))
  return options.find(({ queryKey }) => queryKey !== null) ?? options[0]
}

/** Can it be called with nothing but a text to look for? */
const callable = (action: ActionDocument) => action.required.every((key) => key === queryKeyOf(action))
const queryKeyOf = ({ inputKeys }: ActionDocument) => inputKeys.find((key) => QUERY_KEY.test(key)) ?? null
const isVerb = (part: string) => termsOf(part).every((term) => verbClassesOf(term).size > 0)

const LIST_KEYS = ['items', 'data', 'results', 'records', 'entries', 'objects', 'values', 'list']

/** The records in an answer: it is a list, or holds one. */
export function recordsIn(output: unknown, depth = 0): unknown[] {
  if (Array.isArray(output)) return output
  if (typeof output !== 'object' || output === null || depth > 2) return []
  const entries = Object.entries(output)
  const known = LIST_KEYS.flatMap((name) => entries.filter(([key]) => key.toLowerCase() === name))
  for (const [, value] of [...known, ...entries]) if (Array.isArray(value)) return value
  for (const [, value] of entries) {
    const inner = recordsIn(value, depth + 1)
    if (inner.length > 0) return inner
  }
  return []
}

/** Does a record hold every word of the query, in any of its fields? */
export function recordMatches(record: unknown, query: string): boolean {
  const text = JSON.stringify(record)?.toLowerCase() ?? ''
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .every((word) => text.includes(word))
}
