import { createPatch } from 'rfc6902'
import type { ActionDefinition } from '../action-definition.ts'
import { type ComparedAspect, compareAction } from './compare-action.ts'
import { type ComparedHead, compareConnector, type SharedHead } from './compare-connector.ts'
import { type Aspect, aspectsOf, type Evidence } from './evidence.ts'
import { matchOperation } from './match-operation.ts'
import type { Schemas } from './portable-schema.ts'
import { readChallenge, readRefusedPublic } from './read-challenge.ts'
import { readFailures } from './read-failure.ts'

/** A JSON Patch (RFC 6902). */
export type JsonPatch = ReturnType<typeof createPatch>

export interface ProposedChange {
  aspect: Aspect
  /** Of the action, or of the connector that all its actions share. */
  of: 'action' | 'connector'
  /** JSON pointer into it. */
  where: string
  what: string
  /** 0 to 1. */
  certainty: number
  /** Is it in the patch? False: it differs from the description, and no failure is about it. */
  proposed: boolean
}

export interface ProposedFix {
  /** Of the action; empty when nothing is proposed. */
  patch: JsonPatch
  after: ActionDefinition
  /** Of the connector: it reaches all of its actions. */
  connectorPatch: JsonPatch
  connectorAfter: SharedHead
  changes: ProposedChange[]
  /** Why, in a sentence. */
  reason: string
  /** 0 to 1: of the least certain thing that is proposed. */
  confidence: number
  /** The operation it was compared with; null: none was found, or there is no description. */
  operation: { pointer: string | null; operationId: string | null; method: string; path: string } | null
}

export interface FixTask {
  action: ActionDefinition
  connector: SharedHead & { schemas: Schemas }
  /** What a description of the API says, as an import makes a connector of it. */
  description?: (SharedHead & { schemas: Schemas; actions: readonly ActionDefinition[] }) | undefined
  /** Failures of this action, the newest first. */
  evidence: readonly Evidence[]
}

type Part = ({ of: 'action' } & ComparedAspect) | ({ of: 'connector' } & ComparedHead)

/**
 * What to change in an action that fails, by what its API's description says and by the failures themselves. Only
 * what a failure is about is proposed; other differences are told. Where no difference is about the failure, all of
 * them are proposed. Pure; nothing but this action and what its connector says of address and credentials is looked at.
 */
export function proposeFix(task: FixTask): ProposedFix {
  const { action, connector, evidence } = task
  const match = task.description === undefined ? undefined : matchOperation(action, task.description.actions)
  const compared = match === undefined ? [] : comparedWith(task, match.reference)
  const parts = compared.length > 0 ? compared : readFrom(task)
  const failing = new Set(evidence.flatMap(aspectsOf))
  const about = parts.filter(({ aspect }) => failing.has(aspect))
  const chosen = new Set(about.length > 0 ? about : parts)

  let after = action
  let connectorAfter: SharedHead = sharedOf(connector)
  for (const part of chosen) {
    if (part.of === 'action') after = part.mend(after)
    else connectorAfter = part.mend(connectorAfter)
  }
  const changes = parts.flatMap((part) =>
    part.differences.map((difference) => ({
      aspect: part.aspect,
      of: part.of,
      ...difference,
      certainty: difference.certainty * (compared.length > 0 ? (match?.certainty ?? 1) : 1),
      proposed: chosen.has(part),
    })),
  )
  return {
    patch: createPatch(action, after),
    after,
    connectorPatch: createPatch(sharedOf(connector), connectorAfter),
    connectorAfter,
    changes,
    ...verdict(changes, evidence, about.length > 0),
    operation:
      match === undefined
        ? null
        : {
            pointer: match.reference.source?.pointer ?? null,
            operationId: match.reference.source?.operationId ?? null,
            method: match.reference.method,
            path: match.reference.path,
          },
  }
}

/** The part of a connector that is compared. */
export const sharedOf = ({ baseUrl, variables, authMethods }: SharedHead): SharedHead => ({
  baseUrl,
  ...(variables === undefined ? {} : { variables }),
  authMethods,
})

function comparedWith({ action, connector, description }: FixTask, reference: ActionDefinition): Part[] {
  if (description === undefined) return []
  const own = compareAction(action, {
    reference,
    theirs: description.schemas,
    ours: connector.schemas,
    baseUrls: { theirs: description.baseUrl, ours: connector.baseUrl },
    authSlugs: connector.authMethods.map(({ slug }) => slug),
  })
  return [
    ...own.map((part): Part => ({ of: 'action', ...part })),
    ...compareConnector(connector, description).map((part): Part => ({ of: 'connector', ...part })),
  ]
}

/** What the failures alone tell. */
function readFrom({ action, connector, evidence }: FixTask): Part[] {
  const refused = readRefusedPublic(action, evidence)
  const own = [...refused, ...readFailures(action, evidence, connector.schemas)]
  // Who sent no credentials learns nothing of where they belong.
  const shared = refused.length > 0 ? [] : readChallenge(connector, evidence)
  return [
    ...own.map((part): Part => ({ of: 'action', ...part })),
    ...shared.map((part): Part => ({ of: 'connector', ...part })),
  ]
}

/** Without a failure that a difference explains, it may be one that is meant. */
const UNEXPLAINED = 0.7

function verdict(
  changes: readonly ProposedChange[],
  evidence: readonly Evidence[],
  explained: boolean,
): { reason: string; confidence: number } {
  const proposed = changes.filter(({ proposed: isProposed }) => isProposed)
  if (proposed.length === 0) {
    return { reason: 'Nothing was found that differs or that a failure names.', confidence: 0 }
  }
  const least = Math.min(...proposed.map(({ certainty }) => certainty))
  const [first] = evidence
  const because =
    first === undefined
      ? ''
      : ` The call ${first.status === undefined ? 'was not sent' : `was answered ${first.status}`}${explained ? '' : ', which none of this explains for certain'}.`
  return {
    reason: `${proposed.map(({ what }) => what).join('; ')}.${because}`,
    confidence: Math.round(least * (explained ? 1 : UNEXPLAINED) * 100) / 100,
  }
}
