import type { JsonSchema } from '../../core/json.ts'
import type { ChatMessage, ChatToolCall } from './models.ts'

/** One request to a model. */
export interface Turn {
  model: string
  system: string
  messages: readonly ChatMessage[]
  tools?: readonly { name: string; description: string; input: JsonSchema }[]
  /** The one tool it must call. */
  forcedTool?: string
  answerSchema?: { name: string; schema: Record<string, unknown>; strict: boolean }
}

/** What a {@link TurnProvider} is told and tells while it asks. */
export interface Asking {
  signal: AbortSignal
  token(text: string): void
  /** How long the answer may be; read anew for each try. */
  outputTokens(): number
  /** A try failed after it was sent, and what came of its answer may have to be paid. */
  lost(usage: TurnAnswer['usage']): void
  /** It is tried again: what came so far is void. @throws when it may not be */
  restart(): Promise<void>
}

export interface TurnAnswer {
  text: string
  toolCalls: ChatToolCall[]
  /** The answer ended at the model's token limit. */
  cutOff: boolean
  /** The model that answered, as it names itself. */
  model: string
  usage: { inputTokens: number; cachedInputTokens: number; outputTokens: number }
}

/** Where models are asked. */
export interface TurnProvider {
  /** @throws AppError `rejected` (see {@link isRejection}) when the endpoint does not take the request as it is */
  ask(turn: Turn, asking: Asking): Promise<TurnAnswer>
}

const CHARS_PER_TOKEN = 4
export const estimateTokens = (text: string): number => Math.ceil(text.length / CHARS_PER_TOKEN)
export const charsOf = (tokens: number): number => tokens * CHARS_PER_TOKEN

/** What a turn weighs, where the provider does not count. */
export const turnText = (turn: Turn): string =>
  JSON.stringify([turn.system, turn.messages, turn.tools ?? [], turn.answerSchema?.schema ?? null])
