import { invalidInput } from '../../core/errors.ts'
import { DATA_RULE } from '../prompt-data.ts'
import type { Hold, Meter } from './budget.ts'
import { fitContext } from './context.ts'
import { converse } from './converse.ts'
import type { ChatMessage, ModelSink, ModelTier, RunModel } from './models.ts'
import { answerStructured, type Modes } from './structured.ts'
import type { PromptBounds } from './token-bound.ts'
import { withToolsInWords } from './tool-text.ts'
import { estimateTokens, type Turn, type TurnAnswer, type TurnProvider, turnText } from './turn.ts'

/** Asks a model once: within the budget, counted, told to the sink. */
export interface Asker {
  (tier: ModelTier, turn: Omit<Turn, 'model'>, about: { purpose: string; step: boolean }): Promise<TurnAnswer>
  modes: Modes
  modelOf(tier: ModelTier): string
  /** Models that take no tools in the protocol, as found out. */
  toolsInWords: Set<string>
  meter: Meter
  contextTokens: number
  redact(text: string): string
}

export interface RunModelParts {
  provider: TurnProvider
  meter: Meter
  sink: ModelSink
  modes: Modes
  modelOf(tier: ModelTier): string
  toolsInWords: Set<string>
  contextTokens: number
  /** The longest answer, budgets aside. */
  maxOutputTokens: number
  bounds: PromptBounds
  redact(text: string): string
}

export function buildRunModel(parts: RunModelParts): RunModel {
  const { provider, meter, sink, redact } = parts
  const ask = async (
    tier: ModelTier,
    given: Omit<Turn, 'model'>,
    { purpose, step }: { purpose: string; step: boolean },
  ): Promise<TurnAnswer> => {
    const model = parts.modelOf(tier)
    const inWords = parts.toolsInWords.has(model)
    const full: Turn = { ...given, system: `${given.system}\n\n${DATA_RULE}`, model }
    const worded = inWords ? withToolsInWords(full) : full
    const turn = fitContext(
      { ...worded, system: redact(worded.system), messages: worded.messages.map((m) => redacted(m, redact)) },
      parts.contextTokens,
    )
    const weight = estimateTokens(turnText(turn))
    if (weight > parts.contextTokens) throw tooLong(weight, parts.contextTokens)
    return within(turn, { tier, purpose, step })
  }

  /** Asks with what the call may use held against the budgets, until it is counted. */
  const within = async (
    turn: Turn,
    { tier, purpose, step }: { tier: ModelTier; purpose: string; step: boolean },
  ): Promise<TurnAnswer> => {
    const inputTokens = parts.bounds.of(turn)
    const reserve = () =>
      meter.reserve({ model: turn.model, inputTokens, outputTokens: parts.maxOutputTokens, step })
    let hold: Hold | undefined = await reserve()
    let lost: TurnAnswer['usage'] | undefined
    let startedAt = performance.now()
    const durationMs = () => Math.round(performance.now() - startedAt)
    const giveBack = async () => {
      const held = hold
      hold = undefined
      if (lost === undefined) await held?.free()
      else await held?.lose(lost, durationMs())
      lost = undefined
    }
    try {
      const answer = await provider.ask(turn, {
        signal: meter.signal,
        token: (text) => sink.token(text),
        outputTokens: () => hold?.outputTokens ?? 0,
        lost: (usage) => {
          lost = usage
        },
        restart: async () => {
          sink.restart?.()
          if (lost === undefined) return
          await giveBack()
          hold = await reserve()
          startedAt = performance.now()
        },
      })
      const { lowered, settle } = hold
      hold = undefined
      const took = durationMs()
      const usage = await settle(answer, took)
      parts.bounds.counted(turn.model, inputTokens, usage.inputTokens)
      sink.call({ tier, model: answer.model, purpose, usage, durationMs: took })
      // Half an answer for want of budget must not pass for a whole one.
      if (answer.cutOff && lowered !== undefined) throw lowered
      return answer
    } catch (error) {
      await giveBack()
      // A call that is aborted fails in many ways; what ended it says why.
      if (meter.signal.aborted) throw meter.signal.reason
      throw error
    }
  }
  const { modes, modelOf, toolsInWords, contextTokens } = parts
  const asker: Asker = Object.assign(ask, { modes, modelOf, toolsInWords, meter, contextTokens, redact })
  return {
    structured: (call) => answerStructured(asker, call),
    converse: (call) => converse(asker, sink, call),
    used: () => meter.used(),
  }
}

function redacted(message: ChatMessage, redact: (text: string) => string): ChatMessage {
  if (message.role !== 'assistant' || message.toolCalls === undefined)
    return { ...message, content: redact(message.content) }
  return {
    ...message,
    content: redact(message.content),
    toolCalls: message.toolCalls.map((call) => ({ ...call, arguments: redact(call.arguments) })),
  }
}

const tooLong = (tokens: number, limit: number) =>
  invalidInput(`The prompt is about ${tokens} tokens long; the model is given ${limit} at most.`, {
    where: 'prompt',
    hint: 'Give the agent less at once, or raise PATCHBAY_MODEL_CONTEXT_TOKENS if the model takes more.',
  })
