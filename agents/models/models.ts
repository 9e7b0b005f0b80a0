import type { z } from 'zod'
import type { JsonObject, JsonSchema } from '../../core/json.ts'
import type { AskClient } from './sampled.ts'
import type { TurnAnswer } from './turn.ts'

/** How demanding a call is: `plan` weighs and decides, `build` writes code and definitions, `small` sorts and sums up. */
export const MODEL_TIERS = ['plan', 'build', 'small'] as const
export type ModelTier = (typeof MODEL_TIERS)[number]

/** Built once by the composition root from configuration. */
export interface Models {
  /** Which provider and models answer, for status and error texts. Never a key. */
  describe(): { provider: 'openai' | 'none'; baseUrl?: string; tiers?: Record<ModelTier, string> }
  /**
   * The model as one run may use it: budget counted, usage kept per organization, steps told to `sink`.
   * @throws AppError `unavailable`, saying how to configure one and which plain tools do the job, when none is
   * configured
   */
  forRun(options: RunModelOptions): RunModel
}

export interface RunModelOptions {
  organizationId: string
  runId: string
  budget: Budget
  sink: ModelSink
  signal: AbortSignal
  /** The run is driven by the model of the MCP client that stays with it; otherwise by the server's. */
  askClient?: AskClient | undefined
  /** Seconds the run was active before now (in a process that died, before a question): counted against `maxSeconds`. */
  secondsUsed?: number
}

export interface RunModel {
  /**
   * One answer that fits a zod schema: `response_format` json_schema where the model has it, else a forced tool call,
   * else JSON in text. Answers that do not fit are sent back with what was wrong, at most twice.
   * @param call.purpose a word or two for the trajectory; `name` when absent
   * @throws AppError `upstream_error` with the complaint when no answer fits; `limit_exceeded` naming the budget
   */
  structured<S extends z.ZodType>(call: {
    tier: ModelTier
    /** What the answer is, as an identifier: `integration_plan`. */
    name: string
    system: string
    prompt: string
    schema: S
    purpose?: string
  }): Promise<z.output<S>>
  /**
   * A conversation with tools: calls are validated and repaired, results returned, until the model answers without
   * calls. `messages` of the result holds the whole conversation, to go on from.
   * @throws AppError `limit_exceeded` when `maxSteps` or the budget is used up
   */
  converse(call: {
    tier: ModelTier
    system: string
    messages: readonly ChatMessage[]
    tools: readonly AgentTool[]
    maxSteps: number
    purpose?: string
    record?: ConversationRecord
  }): Promise<{ text: string; messages: ChatMessage[] }>
  /** What the run has used so far, in this process and before. */
  used(): Promise<Usage>
}

/** What a conversation that is begun anew after a crash had come to. */
export interface ConversationRecord {
  /** The answer to this prompt, as it was paid for; asked only when there is none. */
  answer(prompt: unknown[], ask: () => Promise<TurnAnswer>): Promise<TurnAnswer>
  /** As {@link ModelSink.toolCall}, once. */
  toolCall(call: ToldCall): void | Promise<void>
}

/** A message as data: what is kept in a checkpoint and sent again. */
export type ChatMessage =
  | { role: 'user'; content: string }
  | { role: 'assistant'; content: string; toolCalls?: ChatToolCall[] }
  | { role: 'tool'; toolCallId: string; content: string }

export interface ChatToolCall {
  id: string
  name: string
  /** As the model wrote them: JSON, or what it took for JSON. */
  arguments: string
}

export interface AgentTool {
  name: string
  description: string
  input: JsonSchema
  /** What it throws the model is told, except a cancelled run and a budget used up: those end the conversation. */
  run(input: JsonObject): Promise<unknown>
}

/** What one run may use. */
export interface Budget {
  /** Input and output tokens together. */
  maxTokens: number
  maxCostUsd?: number
  /** Turns: an answer with its repairs is one, a round of a conversation is one. */
  maxSteps: number
  /** Seconds the run is active. */
  maxSeconds: number
}

export interface Usage {
  /** Tokens sent, those read from the provider's cache included. */
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  /** By the configured prices; 0 for models without one. */
  costUsd: number
  /** Requests a model answered. */
  calls: number
  steps: number
}

/** Who is told what a run's model does: its events. */
export interface ModelSink {
  /** A piece of the text of an answer, as it comes. */
  token(text: string): void
  /** The answer begins again (the connection was lost): its tokens so far are void. */
  restart?(): void
  call(call: { tier: ModelTier; model: string; purpose: string; usage: Usage; durationMs: number }): void
  toolCall(call: ToldCall): void
}

/** A call the model made of one of its tools. */
export type ToldCall = { name: string; input: JsonObject; durationMs: number } & (
  | { output: unknown }
  | { error: string }
)
