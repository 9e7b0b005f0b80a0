import { setTimeout as sleep } from 'node:timers/promises'
import type { ModelAccess } from '../suite.ts'

export interface ToolCall {
  id: string
  name: string
  /** As the model wrote it: JSON, or what it takes for it. */
  arguments: string
}

export type Message =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string | null; tool_calls?: object[] }
  | { role: 'tool'; tool_call_id: string; content: string }

export interface OfferedTool {
  name: string
  description: string
  /** JSON Schema. */
  input: object
}

export interface Completion {
  text: string
  calls: ToolCall[]
  inputTokens: number
  outputTokens: number
}

interface Wire {
  choices?: {
    message?: {
      content?: string | null
      tool_calls?: { id?: string; function?: { name?: string; arguments?: string } }[]
    }
  }[]
  usage?: { prompt_tokens?: number; completion_tokens?: number }
}

const TRIES = 4
const PAUSE_MS = 1_000
const TIMEOUT_MS = 300_000

/** One answer of a model by the OpenAI chat completions protocol. 429 and 5xx are tried again. @throws Error */
export async function complete(
  { baseUrl, model, apiKey }: ModelAccess,
  messages: readonly Message[],
  tools: readonly OfferedTool[],
): Promise<Completion> {
  const body = JSON.stringify({
    model,
    messages,
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, input }) => ({
            type: 'function',
            function: { name, description, parameters: input },
          })),
        }),
  })
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.ok) return completionOf((await response.json()) as Wire)
    const text = await response.text()
    const isPassing = response.status === 429 || response.status >= 500
    if (!isPassing || attempt === TRIES)
      throw new Error(`the model's API answered ${response.status}: ${text.slice(0, 500)}`)
    await sleep(Number(response.headers.get('retry-after') ?? attempt) * PAUSE_MS)
  }
}

function completionOf({ choices, usage }: Wire): Completion {
  const message = choices?.[0]?.message
  return {
    text: message?.content ?? '',
    calls: (message?.tool_calls ?? []).map((call, index) => ({
      id: call.id ?? `call_${index}`,
      name: call.function?.name ?? '',
      arguments: call.function?.arguments ?? '',
    })),
    inputTokens: usage?.prompt_tokens ?? 0,
    outputTokens: usage?.completion_tokens ?? 0,
  }
}
