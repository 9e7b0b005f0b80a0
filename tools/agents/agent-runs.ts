import type { Actor } from '../../core/actor.ts'
import type { JsonObject, JsonSchema } from '../../core/json.ts'
import type { AgentRunEventRow, AgentRunRow } from '../../db/agent-runs.ts'
import type { Tx } from '../../db/database.ts'
import type { ClientModel } from '../define-tool.ts'

/** `auto`: handback points answer themselves where they have a default. `manual`: each waits for a person. */
export type Approval = 'auto' | 'manual'

export interface RunBudget {
  maxTokens: number
  maxCostUsd?: number
  maxSteps: number
  maxSeconds: number
}

export interface AgentSummary {
  name: string
  title: string
  description: string
  needsModel: boolean
  /** The tools its runs may call, and no other. */
  tools: readonly string[]
  input: JsonSchema
  output: JsonSchema
}

export interface AgentCheckpoint {
  id: string
  /** The nodes that run next from here. */
  next: string[]
  step: number
  createdAt: string
}

/** Starts, answers and stops runs of agents; the layer above has the agents. */
export interface AgentRuns {
  agents(): AgentSummary[]
  /** Which model the agents would use. */
  model(): { provider: 'openai' | 'none'; baseUrl?: string; tiers?: Record<string, string> }
  /** @throws AppError `not_found` (no such agent), `invalid_input`, `unavailable` (it needs a model and there is none) */
  start(
    actor: Actor,
    request: {
      agent: string
      input: JsonObject
      approval: Approval
      /** The client has a model that may be asked: it drives the run where the server has none. */
      clientModel: boolean
      budget?: { [K in keyof RunBudget]?: RunBudget[K] | undefined }
    },
    /** Does what it is given in the caller's transaction. */
    within: (insert: (tx: Tx) => Promise<AgentRunRow | undefined>) => Promise<AgentRunRow | undefined>,
  ): Promise<AgentRunRow>
  /**
   * Resolves when the run has ended or asks something, or the time is up. `onNews` gets events as they come. What the run
   * asks the client's model meanwhile is asked; an answer under way is waited for.
   */
  wait(
    actor: Actor,
    run: string,
    options: {
      ms: number
      signal: AbortSignal
      onNews?: (events: readonly AgentRunEventRow[]) => void
      clientModel: ClientModel | undefined
    },
  ): Promise<void>
  /** Resolves when something happened to the run in whichever process, or the time is up. */
  news(run: string, ms: number, signal: AbortSignal): Promise<void>
  /** Answers the open question. @throws AppError `conflict` when it is another, or none; `invalid_input` */
  answer(
    actor: Actor,
    run: string,
    given: { question?: string | undefined; answer: JsonObject },
  ): Promise<AgentRunRow>
  cancel(actor: Actor, run: string): Promise<AgentRunRow>
  checkpoints(actor: Actor, run: string): Promise<AgentCheckpoint[]>
  /** Goes back to a checkpoint and on from there. What came after it is forgotten; its effects are not undone. */
  rewind(actor: Actor, run: string, checkpoint: string): Promise<AgentRunRow>
}
