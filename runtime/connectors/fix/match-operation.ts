import type { ActionDefinition } from '../action-definition.ts'
import { dice, likeness } from './similarity.ts'

export interface MatchedOperation {
  /** The operation, as an import makes an action of it. */
  reference: ActionDefinition
  /** 0 to 1: how sure it is that the action is meant for this operation. */
  certainty: number
  /** What they have in common, in words. */
  because: string[]
}

const MIN_SCORE = 0.35
/** So far ahead of the second, the best one is the only candidate. */
const CLEAR_LEAD = 0.15

/**
 * The operation of a description that an action is meant for, however much of it is wrong: by its operationId, slug,
 * method, path and the names of its inputs. Undefined when none is like it.
 */
export function matchOperation(
  action: ActionDefinition,
  candidates: readonly ActionDefinition[],
): MatchedOperation | undefined {
  const scored = candidates
    .map((reference) => ({ reference, ...scoreOf(action, reference) }))
    .toSorted((left, right) => right.score - left.score)
  const [best, second] = scored
  if (best === undefined || best.score < MIN_SCORE) return undefined
  const lead = best.score - (second?.score ?? 0)
  const certainty = Math.min(1, 0.5 + best.score / 2) * Math.min(1, 0.6 + (0.4 * lead) / CLEAR_LEAD)
  return { reference: best.reference, certainty, because: best.because }
}

function scoreOf(action: ActionDefinition, other: ActionDefinition): { score: number; because: string[] } {
  const because: string[] = []
  const add = (weight: number, share: number, what: string) => {
    if (share === 1) because.push(what)
    return weight * share
  }
  const id = action.source?.operationId
  const score =
    add(0.3, id !== undefined && id === other.source?.operationId ? 1 : 0, 'operationId') +
    add(0.25, action.slug === other.slug ? 1 : likeness(action.slug, other.slug) * 0.7, 'slug') +
    add(0.1, action.method === other.method ? 1 : 0, 'method') +
    add(0.3, likenessOfPaths(action.path, other.path), 'path') +
    add(0.1, likeness(action.name, other.name), 'name') +
    add(0.15, dice(keysOf(action), keysOf(other)), 'inputs')
  return { score, because }
}

const keysOf = ({ inputSchema }: ActionDefinition): string[] =>
  Object.keys((inputSchema.properties ?? {}) as object)

/** Segment by segment; the names of placeholders do not matter. */
function likenessOfPaths(left: string, right: string): number {
  const segments = (path: string) =>
    path
      .replace(/\{[^{}]*\}/g, '{}')
      .split('/')
      .filter((segment) => segment !== '')
  return dice(segments(left), segments(right))
}
