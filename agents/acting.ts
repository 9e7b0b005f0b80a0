import type { JsonObject } from '../core/json.ts'
import type { RunModel } from './models/models.ts'

/** What an agent works with; the run's context is one. */
export interface Acting {
  /** Calls a tool as the run's actor. @throws AppError the tool's */
  call(tool: string, input: JsonObject): Promise<JsonObject>
  /** @throws AppError `unavailable` when no model is configured */
  model(): RunModel
  /** A sentence for whoever watches. */
  message(text: string): Promise<void>
}

/** What is fixed about an agent: what it is for, and the only tools it may call. */
export interface AgentCard {
  purpose: string
  tools: readonly string[]
}
