import type { Understanding } from '../../agents/planner/agent.ts'
import type { CodeReach } from '../../agents/workflow-builder/agent.ts'
import type { JsonObject } from '../../core/json.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { TestCase, TestReport } from '../../tools/agents/test-case.ts'
import type { LangGraph } from '../frame/define-agent.ts'
import { nothingTakenBack, type TakenBack } from '../frame/taking-back.ts'

/** What the agents that share these nodes are started with; each takes its part. */
export interface Started {
  request?: string
  instructions?: string
  customer?: string | null
  environment?: string
  workflow?: string | null
  plan?: IntegrationPlan | null
  heal?: boolean
  /** What may write without anybody being asked: apps, actions, `ctx.fetch`. */
  mayWrite?: string[]
}

/** The workflow as it is kept. */
export interface Stored {
  slug: string
  version: number
  inputSchema: JsonObject | null
  /** What its code may reach; null: everything, as of what people wrote. */
  reach: CodeReach | null
}

/** What of a workflow that was there a run changes. */
export interface DraftBefore {
  code: string
  inputSchema: JsonObject | null
  reach: CodeReach | null
  /** Not there in runs of builds that left it alone. */
  concurrency?: JsonObject | null
}

/** The best version so far: none that passed cases before fails in it. */
export interface Best {
  code: string
  version: number
  report: TestReport
  reach: CodeReach | null
}

/** State of all graphs about workflows: made once here, so that their nodes can be shared. */
export const workflowState = ({ Annotation }: LangGraph) => {
  const last = <T>(initial: T) =>
    Annotation<T>({ reducer: (_before: T, next: T) => next, default: () => initial })
  return Annotation.Root({
    input: Annotation<Started>,
    output: Annotation<JsonObject>,
    understanding: last<Understanding | null>(null),
    /** What the person answered, by question: q1 … */
    answers: last<Record<string, string>>({}),
    plan: last<IntegrationPlan | null>(null),
    /** What the person wants changed of what was just made; empty: nothing. */
    feedback: last(''),
    code: last(''),
    notes: last(''),
    /** The slug a new workflow gets, chosen before it is made. */
    slug: last(''),
    stored: last<Stored | null>(null),
    /** The draft of a workflow that was there, from before the run. */
    before: last<DraftBefore | null>(null),
    /** What the code reaches besides planned actions, as far as it can be seen. */
    reaches: last<string[]>([]),
    /** What a person allowed to write in test cases, besides what the input does. */
    mayWrite: last<string[]>([]),
    /** The person wants no app called by test cases. */
    onlyMocks: last(false),
    cases: last<TestCase[]>([]),
    report: last<TestReport | null>(null),
    /** What the runs of failed cases did. */
    evidence: last<JsonObject[]>([]),
    best: last<Best | null>(null),
    /** Times the code was mended. */
    mended: last(0),
    /** The person did not want the mended code: the version before it is taken. */
    mendingRefused: last(false),
    deployTo: last<string | null>(null),
    trigger: last<JsonObject | null>(null),
    /** The point at which the person stopped the run. */
    stopped: last<string | null>(null),
    /** The person rejected what was made: it is taken back. */
    rejected: last(false),
    undone: last<TakenBack>(nothingTakenBack()),
    /** There is no workflow any more: it was taken back. */
    isGone: last(false),
  })
}
export type WorkflowState = ReturnType<typeof workflowState>['State']
export type Update = Partial<WorkflowState>

/** @throws Error when a graph is wired so that a node runs before what it needs is made */
export function made<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`The graph came to a node that needs ${what} before there is one.`)
  return value
}

/** Where a graph goes from a point a person decided at: on, back to make it again, or to the end. */
export const decided =
  <On extends string, Back extends string>(on: On, back: Back) =>
  ({ stopped, feedback }: WorkflowState): On | Back | 'conclude' =>
    stopped !== null ? 'conclude' : feedback === '' ? on : back

/** Where it goes from the questions: the request is read once more where the answers changed what it is about. */
export const asked = ({ stopped, understanding }: WorkflowState): 'understand' | 'draft_plan' | 'conclude' =>
  stopped !== null ? 'conclude' : understanding === null ? 'understand' : 'draft_plan'
