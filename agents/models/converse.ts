import { AppError, toAppError, toErrorBody } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { inputIssues } from '../../runtime/connectors/validate-input.ts'
import { shortenResult } from './context.ts'
import { isRejection } from './failures.ts'
import type {
  AgentTool,
  ChatMessage,
  ChatToolCall,
  ConversationRecord,
  ModelSink,
  ModelTier,
} from './models.ts'
import { parseModelJson } from './parse-json.ts'
import type { Asker } from './run-model.ts'
import { callsInText } from './tool-text.ts'
import type { TurnAnswer } from './turn.ts'

export interface ConverseCall {
  tier: ModelTier
  system: string
  messages: readonly ChatMessage[]
  tools: readonly AgentTool[]
  maxSteps: number
  purpose?: string
  record?: ConversationRecord
}

/** See `RunModel.converse`. */
export async function converse(
  ask: Asker,
  { toolCall: tell }: Pick<ModelSink, 'toolCall'>,
  call: ConverseCall,
): Promise<{ text: string; messages: ChatMessage[] }> {
  const messages: ChatMessage[] = [...call.messages]
  // Always in the same order: the beginning of a prompt is what a provider's cache keeps.
  const tools = [...call.tools].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (let round = 1; round <= call.maxSteps; round += 1) {
    const asked = () => withTools(ask, call, tools, messages)
    const prompt = [call.tier, call.system, tools.map(({ name }) => name), messages]
    const answer = await (call.record?.answer(prompt, asked) ?? asked())
    const written =
      tools.length > 0 && answer.toolCalls.length === 0 ? callsInText(answer.text, round) : answer
    const { text } = written
    // Ids pair calls with results; servers that leave them out, or repeat them, get ones of ours.
    const toolCalls = withOwnIds(written.toolCalls, round)
    messages.push({ role: 'assistant', content: text, ...(toolCalls.length === 0 ? {} : { toolCalls }) })
    if (toolCalls.length === 0) return { text, messages }
    for (const toolCall of toolCalls) {
      const content = await answerCall(ask, call.record?.toolCall ?? tell, tools, toolCall, answer.cutOff)
      messages.push({ role: 'tool', toolCallId: toolCall.id, content })
    }
  }
  throw new AppError(
    'limit_exceeded',
    `The model was still calling tools after the ${call.maxSteps} steps it had.`,
    {
      where: 'maxSteps',
      retryable: false,
      hint: 'Allow more steps, or give the agent a smaller task.',
      data: { budget: 'steps', limit: call.maxSteps, used: call.maxSteps },
    },
  )
}

async function withTools(
  ask: Asker,
  call: ConverseCall,
  tools: readonly AgentTool[],
  messages: readonly ChatMessage[],
): Promise<TurnAnswer> {
  const offered = tools.map(({ name, description, input }) => ({ name, description, input }))
  const turn = { system: call.system, messages, ...(offered.length === 0 ? {} : { tools: offered }) }
  const about = { purpose: call.purpose ?? 'conversation', step: true }
  try {
    return await ask(call.tier, turn, about)
  } catch (error) {
    const model = ask.modelOf(call.tier)
    if (!isRejection(error) || offered.length === 0 || ask.toolsInWords.has(model)) throw error
    ask.toolsInWords.add(model)
    return ask(call.tier, turn, about).catch((again: unknown) => {
      // It was not the tools that were refused: the next conversation may have them.
      if (isRejection(again)) ask.toolsInWords.delete(model)
      throw again
    })
  }
}

function withOwnIds(calls: readonly ChatToolCall[], round: number): ChatToolCall[] {
  const seen = new Set<string>()
  return calls.map((call, n) => {
    const id = call.id === '' || seen.has(call.id) ? `call_${round}_${n + 1}` : call.id
    seen.add(id)
    return { ...call, id }
  })
}

/** Runs one call; gives what the model is told: the result, or what was wrong with the call. */
async function answerCall(
  ask: Asker,
  toolCall: ConversationRecord['toolCall'],
  tools: readonly AgentTool[],
  call: ChatToolCall,
  cutOff: boolean,
): Promise<string> {
  ask.meter.signal.throwIfAborted()
  const startedAt = performance.now()
  const tell = (outcome: { output: unknown } | { error: string }, input: JsonObject = {}) =>
    toolCall({
      name: call.name,
      input,
      durationMs: Math.round(performance.now() - startedAt),
      ...outcome,
    })
  const checked = checkCall(tools, call, cutOff)
  if ('complaint' in checked) {
    await tell({ error: checked.complaint })
    return JSON.stringify({ error: { code: 'invalid_call', message: checked.complaint } })
  }
  const { tool, input } = checked
  const made = async () => {
    const output = await tool.run(input)
    return { told: { output }, text: JSON.stringify(output) ?? 'null' }
  }
  const { told, text } = await made().catch((cause: unknown) => {
    if (ask.meter.signal.aborted) throw ask.meter.signal.reason
    if (endsConversation(cause)) throw cause
    const error = toErrorBody(toAppError(cause))
    return { told: { error: error.message }, text: JSON.stringify({ error }) }
  })
  await tell(told, input)
  return shortenResult(ask.redact(text), ask.contextTokens)
}

/** A budget used up, a cancelled run, a question to a person (LangGraph's interrupts travel as errors). */
const endsConversation = (cause: unknown): boolean =>
  cause instanceof AppError
    ? cause.code === 'cancelled' || (cause.code === 'limit_exceeded' && cause.data?.budget !== undefined)
    : cause instanceof Error && 'is_bubble_up' in cause && cause.is_bubble_up === true

function checkCall(
  tools: readonly AgentTool[],
  call: ChatToolCall,
  cutOff: boolean,
): { tool: AgentTool; input: JsonObject } | { complaint: string } {
  const tool = tools.find(({ name }) => name === call.name) ?? sameButForSpelling(tools, call.name)
  if (tool === undefined) {
    const names = tools.map(({ name }) => name).join(', ')
    return { complaint: `There is no tool '${call.name}'. The tools are: ${names}.` }
  }
  // Some models leave the arguments of a tool without parameters empty.
  const parsed = parseModelJson(call.arguments.trim() === '' ? '{}' : call.arguments)
  if ('complaint' in parsed) {
    const why = cutOff ? 'your answer was cut off at its length limit' : parsed.complaint
    return { complaint: `The arguments of ${tool.name} cannot be read: ${why}. Write one JSON object.` }
  }
  if (!isJsonObject(parsed.value))
    return { complaint: `The arguments of ${tool.name} must be one JSON object.` }
  const issues =
    typeof tool.input === 'boolean'
      ? []
      : inputIssues({}, { slug: tool.name, inputSchema: tool.input }, parsed.value)
  if (issues.length === 0) return { tool, input: parsed.value }
  const list = issues.map(({ where, message }) => `${where}: ${message}`).join('; ')
  return { complaint: `The arguments of ${tool.name} do not fit its schema: ${list}` }
}

/** `functions.listActions`, `list-actions` for list_actions. */
function sameButForSpelling(tools: readonly AgentTool[], name: string): AgentTool | undefined {
  const plain = (text: string) =>
    text
      .replace(/^(functions?|tools?)[.:/]/, '')
      .replace(/[-_ ]/g, '')
      .toLowerCase()
  const alike = tools.filter((tool) => plain(tool.name) === plain(name))
  return alike.length === 1 ? alike[0] : undefined
}
