import type { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Condition } from '../conditions/condition.ts'
import { matches } from '../conditions/condition.ts'
import { toResponseCondition } from '../conditions/condition-input.ts'
import type { ConnectorDefinition } from './definition.ts'

/** An answer as conditions see it: `status`, `headers` (names in lower case) and the decoded `body`. */
export type AnswerSubject = { status: number; headers: Record<string, string>; body: Json }

const trees = new WeakMap<object, Condition>()

/** Does the condition a definition holds match this answer? Its tree is made once for as long as it is in memory. */
export function answerMatches(condition: Record<string, unknown>, answer: AnswerSubject): boolean {
  let tree = trees.get(condition)
  if (tree === undefined) {
    tree = toResponseCondition(condition)
    trees.set(condition, tree)
  }
  return matches(tree, answer)
}

/** Does this answer mean that the credentials have expired? By the connector's own predicate, or status 401. */
export const isExpired = (connector: Pick<ConnectorDefinition, 'expiry'>, answer: AnswerSubject): boolean =>
  connector.expiry === undefined ? answer.status === 401 : answerMatches(connector.expiry, answer)

/**
 * Was the call refused because its credentials have expired? `callAction` marks such errors with
 * `data.expired`: refresh them, and call again.
 */
export const isExpiredError = (error: AppError): boolean => error.data?.expired === true
