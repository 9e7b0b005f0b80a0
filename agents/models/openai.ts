import type { AIMessageChunk, BaseMessage, UsageMetadata } from '@langchain/core/messages'
import type { ChatOpenAICallOptions, ChatOpenAICompletions } from '@langchain/openai'
import { AppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import type { ModelSettings } from '../../core/model-settings.ts'
import { MAX_TRIES, nextWait, toModelError, wait } from './failures.ts'
import type { ChatToolCall } from './models.ts'
import { buildOutputLimits, type OutputLimit, type OutputLimits } from './output-limit.ts'
import { parseModelJson } from './parse-json.ts'
import {
  type Asking,
  estimateTokens,
  type Turn,
  type TurnAnswer,
  type TurnProvider,
  turnText,
} from './turn.ts'

/**
 * Models behind an OpenAI-compatible endpoint, by the chat completions protocol, streamed. Answers that fail in passing
 * (429, 5xx, connection lost, stream cut) are asked for again, up to {@link MAX_TRIES} times in all.
 *
 * The endpoint is the operator's own setting, often on this machine (Ollama, vLLM), so requests go by plain `fetch` and
 * not through the guarded client, which refuses private addresses to protect from what tenants configure. Redirects are
 * refused: the key goes nowhere else.
 */
export function buildOpenAiProvider(settings: ModelSettings): TurnProvider {
  const clients = new Map<string, Promise<LimitedChat>>()
  const limits = buildOutputLimits(settings)
  const clientFor = (model: string) => {
    const client = clients.get(model) ?? buildClient(settings, model)
    clients.set(model, client)
    return client
  }
  return {
    async ask(turn, asking) {
      const client = await clientFor(turn.model)
      const { toMessages } = await import('./openai-messages.ts')
      const messages = toMessages(turn, settings.markCache)
      for (let tries = 1; ; tries += 1) {
        asking.signal.throwIfAborted()
        try {
          return await askWithin(limits, client, messages, turn, asking)
        } catch (cause) {
          if (asking.signal.aborted) throw asking.signal.reason
          const error = toModelError(cause, turn.model, settings)
          const waitMs = nextWait(error, tries)
          if (waitMs === undefined) throw tries === 1 ? error : afterTries(error, tries)
          await asking.restart()
          await wait(waitMs, asking.signal)
        }
      }
    },
  }
}

/** Asks with the limit of the answer in the form and size the server takes. */
async function askWithin(
  limits: OutputLimits,
  client: LimitedChat,
  messages: BaseMessage[],
  turn: Turn,
  asking: Asking,
): Promise<TurnAnswer> {
  let limit = limits.of(turn.model, asking.outputTokens())
  for (;;) {
    try {
      return await askOnce(client, messages, turn, limit, asking)
    } catch (cause) {
      const next = asking.signal.aborted ? undefined : limits.refused(turn.model, limit, cause)
      if (next === undefined) throw cause
      limit = next
    }
  }
}

type LimitedChat = ChatOpenAICompletions<LimitedOptions>
interface LimitedOptions extends ChatOpenAICallOptions {
  /** The client knows a limit of its own making only, and not by which name a server takes it. */
  outputLimit?: OutputLimit
}

async function buildClient(settings: ModelSettings, model: string): Promise<LimitedChat> {
  const { ChatOpenAICompletions } = await import('@langchain/openai')
  const { apiKey } = settings
  class Limited extends ChatOpenAICompletions<LimitedOptions> {
    override invocationParams(options?: this['ParsedCallOptions'], extra?: { streaming?: boolean }) {
      const params = super.invocationParams(options, extra)
      const limit = options?.outputLimit
      return limit === undefined ? params : { ...params, [limit.field]: limit.tokens }
    }
  }
  return new Limited({
    model,
    // Revealed for each request; a server that takes no key gets no header.
    apiKey: async () => apiKey?.reveal() ?? 'none',
    streaming: true,
    maxRetries: 0,
    configuration: {
      baseURL: settings.baseUrl,
      // What the OpenAI client would else take from the environment.
      organization: null,
      project: null,
      maxRetries: 0,
      fetch: (input, init) => {
        const headers = new Headers(init?.headers)
        if (apiKey === undefined) headers.delete('authorization')
        return fetch(input, { ...init, headers, redirect: 'error' })
      },
    },
  })
}

async function askOnce(
  client: LimitedChat,
  messages: BaseMessage[],
  turn: Turn,
  outputLimit: OutputLimit,
  { signal, token, lost }: Asking,
): Promise<TurnAnswer> {
  const calls = buildCallCollector()
  let text = ''
  let finish: string | undefined
  let usage: TurnAnswer['usage'] | undefined
  let begun = false
  // Where the server does not count.
  const estimated = () => ({
    inputTokens: estimateTokens(turnText(turn)),
    cachedInputTokens: 0,
    outputTokens: Math.min(estimateTokens(text + JSON.stringify(calls.done())), outputLimit.tokens),
  })
  try {
    await receive()
    signal.throwIfAborted()
    if (finish === undefined) throw cutShort(turn.model)
  } catch (cause) {
    // One that is stopped while the model is still thinking is paid too.
    if (begun || signal.aborted) lost(usage ?? estimated())
    throw cause
  }
  return {
    text,
    toolCalls: calls.done(),
    cutOff: finish === 'length',
    model: turn.model,
    usage: usage ?? estimated(),
  }

  async function receive(): Promise<void> {
    const stream = await client.stream(messages, {
      signal,
      outputLimit,
      ...(turn.tools === undefined || turn.tools.length === 0 ? {} : { tools: wireTools(turn) }),
      ...(turn.forcedTool === undefined
        ? {}
        : { tool_choice: { type: 'function', function: { name: turn.forcedTool } } }),
      ...(turn.answerSchema === undefined
        ? {}
        : { response_format: { type: 'json_schema', json_schema: turn.answerSchema } }),
    })
    for await (const chunk of stream as AsyncIterable<AIMessageChunk>) {
      begun = true
      if (typeof chunk.content === 'string' && chunk.content !== '') {
        text += chunk.content
        token(chunk.content)
      }
      for (const piece of chunk.tool_call_chunks ?? []) calls.add(piece)
      const meta: unknown = chunk.response_metadata
      if (isJsonObject(meta)) {
        if (typeof meta.finish_reason === 'string') finish = meta.finish_reason
      }
      const counted = chunk.usage_metadata as UsageMetadata | undefined
      if (counted !== undefined) {
        usage = {
          inputTokens: counted.input_tokens,
          cachedInputTokens: counted.input_token_details?.cache_read ?? 0,
          outputTokens: counted.output_tokens,
        }
      }
    }
  }
}

const cutShort = (model: string) =>
  new AppError('upstream_error', 'The model’s answer ended before it was complete.', {
    where: model,
    hint: 'The connection to the model server was cut; try again.',
  })

const wireTools = (turn: Turn) =>
  (turn.tools ?? []).map(({ name, description, input }) => ({
    type: 'function' as const,
    function: { name, description, parameters: isJsonObject(input) ? input : { type: 'object' } },
  }))

interface CallPiece {
  id?: string | undefined
  name?: string | undefined
  args?: string | undefined
  index?: number | undefined
}

/** Puts tool calls together from their pieces. Some servers give every call the index 0: another id is another call. */
function buildCallCollector() {
  const calls: { index: number | undefined; id: string; name: string; arguments: string }[] = []
  return {
    add(piece: CallPiece): void {
      const last = calls.at(-1)
      const given = piece.id ?? ''
      const other =
        last === undefined ||
        (piece.index !== undefined && piece.index !== last.index) ||
        (given !== '' && last.id !== '' && given !== last.id)
      if (other) {
        calls.push({ index: piece.index, id: given, name: piece.name ?? '', arguments: piece.args ?? '' })
        return
      }
      if (last.id === '') last.id = given
      if (last.name === '') last.name = piece.name ?? ''
      last.arguments += piece.args ?? ''
    },
    done: (): ChatToolCall[] =>
      calls.map((call, n) => ({
        id: call.id === '' ? `call_${n + 1}` : call.id,
        name: call.name,
        arguments: call.arguments,
      })),
  }
}

function afterTries(error: AppError, tries: number): AppError {
  return new AppError(error.code, `${error.message} (tried ${tries} times)`, {
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.data === undefined ? {} : { data: error.data }),
    retryable: error.retryable,
    cause: error,
  })
}

/** Arguments as they go back to the model: servers refuse a conversation whose calls hold broken JSON. */
export function sentArguments(call: Pick<ChatToolCall, 'arguments'>): Record<string, unknown> {
  const parsed = parseModelJson(call.arguments)
  return 'value' in parsed && isJsonObject(parsed.value) ? parsed.value : { unreadable: call.arguments }
}
