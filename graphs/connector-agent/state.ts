import type { FixResult } from '../../agents/action-fixer/fix-action.ts'
import type { Explanation } from '../../agents/action-tester/explain-failures.ts'
import type { DroppedEvent } from '../../agents/event-builder/check-draft-event.ts'
import type { ConnectorEvents } from '../../agents/event-builder/list-events.ts'
import type { JsonObject } from '../../core/json.ts'
import type { TestReport } from '../../runtime/connectors/test/report.ts'
import type { Verification } from '../../runtime/triggers/webhook-config.ts'
import type { LangGraph } from '../frame/define-agent.ts'
import { nothingTakenBack, type TakenBack } from '../frame/taking-back.ts'

/** What runs of all agents around connectors may be started with. */
export interface ConnectorRunInput {
  connector?: string | undefined
  spec?: string | undefined
  url?: string | undefined
  discover?: string | undefined
  docs?: string[] | undefined
  name?: string | undefined
  slug?: string | undefined
  baseUrl?: string | undefined
  goal?: string | undefined
  operations?: string[] | undefined
  actions?: string[] | undefined
  replace?: boolean | undefined
  customer?: string | null | undefined
  connection?: string | undefined
  allowWrites?: boolean | undefined
  allowLive?: boolean | undefined
  webhookVerification?: Verification | undefined
  inputs?: Record<string, JsonObject> | undefined
}

/** How the connector is to be made. */
export interface Discovery {
  route: 'spec' | 'docs'
  slug: string | null
  /** Operations to include; null: all. */
  operations: string[] | null
  found: number
  reason: string
}

export interface Made {
  connector: string
  actions: string[]
  /** Actions that were not taken, or are founded on no passage. */
  leftOut: { action: string; why: string }[]
  /** Of one that was written from documentation: its base URL, and who says so. */
  address?: {
    baseUrl: string
    by: 'input' | 'documentation' | 'person'
    /** The passage that says it; null: none was needed. */
    citation: { passage: string; url: string | null } | null
  }
}

export interface Output {
  connector: string | null
  operationsFound: number
  actions: number
  events: number
  tested: TestReport['counts'] | null
  notTested: string | null
  passed: string[]
  fixed: string[]
  failing: { action: string; check: string | null; problem: string; trace: string | null }[]
  leftOut: Made['leftOut']
  droppedEvents: DroppedEvent[]
  left: TestReport['cleanup']['left']
  accepted: boolean
  takenBack: TakenBack['takenBack']
  notTakenBack: TakenBack['notTakenBack']
}

/** What became of a rejection; `connector`: what it is since, null: as it was. */
export type Undone = TakenBack & { connector: 'deleted' | 'restored' | null }

export const stateOf = ({ Annotation }: LangGraph) =>
  Annotation.Root({
    input: Annotation<ConnectorRunInput>,
    output: Annotation<Output>,
    discovery: Annotation<Discovery | null>({ reducer: (_, next) => next, default: () => null }),
    made: Annotation<Made | null>({ reducer: (_, next) => next, default: () => null }),
    events: Annotation<ConnectorEvents | null>({ reducer: (_, next) => next, default: () => null }),
    droppedEvents: Annotation<DroppedEvent[]>({ reducer: (_, next) => next, default: () => [] }),
    /** Groups to be tested at the same time. */
    groups: Annotation<string[][]>({ reducer: (_, next) => next, default: () => [] }),
    /** The group one visit of `test_group` is for. */
    group: Annotation<string[]>({ reducer: (_, next) => next, default: () => [] }),
    notTested: Annotation<string | null>({ reducer: (_, next) => next, default: () => null }),
    seed: Annotation<number>({ reducer: (_, next) => next, default: () => 0 }),
    /** One of each group, in the order they end. */
    reports: Annotation<TestReport[]>({ reducer: (left, right) => [...left, ...right], default: () => [] }),
    fixes: Annotation<FixResult[]>({ reducer: (_, next) => next, default: () => [] }),
    explanations: Annotation<Explanation[]>({ reducer: (_, next) => next, default: () => [] }),
    accepted: Annotation<boolean>({ reducer: (_, next) => next, default: () => true }),
    /** The version from before this run made the connector anew; null: it made it, or did no such thing. */
    before: Annotation<number | null>({ reducer: (_, next) => next, default: () => null }),
    /** The version from before the patches. */
    unpatched: Annotation<number | null>({ reducer: (_, next) => next, default: () => null }),
    /** The connector's revision with the patches. */
    revision: Annotation<number | null>({ reducer: (_, next) => next, default: () => null }),
    undone: Annotation<Undone>({
      reducer: (_, next) => next,
      default: () => ({ ...nothingTakenBack(), connector: null }),
    }),
  })
export type State = ReturnType<typeof stateOf>['State']
