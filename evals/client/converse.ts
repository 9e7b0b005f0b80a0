import { Misuse } from '../../demo/program.ts'
import { type Answer, type Doors, ToolFailure } from '../doors.ts'
import type { Attempt, ModelAccess, Step, SuiteOptions } from '../suite.ts'
import { complete, type Message, type OfferedTool } from './chat.ts'

export interface Conversation {
  model: ModelAccess
  /** Calls go through these. */
  doors: Doors
  /** Names of the tools that are offered; others are refused unasked. */
  tools: readonly string[]
  /** Tools besides, which the harness answers itself. */
  own?: readonly OwnTool[]
  system: string
  prompt: string
  maxSteps?: number
}

export interface OwnTool extends OfferedTool {
  /** What it throws is told to the model. */
  run(input: Answer): unknown
}

const MAX_STEPS = 30
/** What one result of a tool may take of the model's context. */
const MAX_RESULT_CHARS = 40_000
const PER_MILLION = 1_000_000

/**
 * A model as a client of Patchbay: it is given tools, calls them through the doors, and sees what comes back, until it
 * calls none. What a person's own agent would do, without any of Patchbay's agents.
 */
export async function converse(conversation: Conversation): Promise<Attempt> {
  const { model, doors, system, prompt, own = [], maxSteps = MAX_STEPS } = conversation
  const tools = [...(await offered(doors, conversation.tools)), ...own]
  const messages: Message[] = [
    { role: 'system', content: system },
    { role: 'user', content: prompt },
  ]
  const trajectory: Step[] = []
  const used = { steps: 0, toolErrors: 0, tokens: 0, money: 0 }
  while (used.steps < maxSteps) {
    const began = performance.now()
    const answer = await complete(model, messages, tools)
    used.steps += 1
    used.tokens += answer.inputTokens + answer.outputTokens
    used.money +=
      (answer.inputTokens * (model.price?.input ?? 0) + answer.outputTokens * (model.price?.output ?? 0)) /
      PER_MILLION
    trajectory.push({
      kind: 'model',
      title: model.model,
      output: answer.calls.length === 0 ? answer.text : { text: answer.text, calls: answer.calls },
      seconds: (performance.now() - began) / 1000,
    })
    if (answer.calls.length === 0) return { ...used, trajectory, answer: answer.text }
    messages.push({
      role: 'assistant',
      content: answer.text === '' ? null : answer.text,
      tool_calls: answer.calls.map(({ id, name, arguments: text }) => ({
        id,
        type: 'function',
        function: { name, arguments: text },
      })),
    })
    for (const call of answer.calls) {
      used.steps += 1
      const step = await callOffered(doors, conversation.tools, call, own)
      if (step.error !== undefined) used.toolErrors += 1
      trajectory.push(step)
      messages.push({
        role: 'tool',
        tool_call_id: call.id,
        content: (step.error ?? JSON.stringify(step.output)).slice(0, MAX_RESULT_CHARS),
      })
    }
  }
  trajectory.push({ kind: 'note', title: `stopped after ${maxSteps} steps` })
  return { ...used, trajectory }
}

/** Names, descriptions and inputs of tools, as describe_tool gives them. */
export async function offered(doors: Doors, names: readonly string[]): Promise<OfferedTool[]> {
  return Promise.all(
    names.map(async (name) => {
      const { description, inputSchema } = await doors.call('describe_tool', { name })
      return { name, description: description as string, input: inputSchema as object }
    }),
  )
}

/** Calls a tool if it is on the list, and tells how it went. */
export async function callOffered(
  doors: Doors,
  allowed: readonly string[],
  { name, arguments: text }: { name: string; arguments: string },
  own: readonly OwnTool[] = [],
): Promise<Step> {
  const began = performance.now()
  const done = (rest: Partial<Step>): Step => ({
    kind: 'tool',
    title: name,
    input: text,
    seconds: (performance.now() - began) / 1000,
    ...rest,
  })
  const mine = own.find((tool) => tool.name === name)
  if (mine === undefined && !allowed.includes(name))
    return done({ error: `There is no tool '${name}' here.` })
  let input: object
  try {
    input = JSON.parse(text === '' ? '{}' : text) as object
  } catch {
    return done({ error: 'The arguments are no JSON.' })
  }
  try {
    const output = mine === undefined ? await doors.call(name, input) : mine.run(input)
    return done({ input, output })
  } catch (error) {
    if (error instanceof ToolFailure || (mine !== undefined && error instanceof Error))
      return done({ input, error: error.message })
    throw error
  }
}

/** @throws Error saying how to give a model */
export function requireModel({ model }: SuiteOptions): ModelAccess {
  if (model === undefined)
    throw new Misuse('This policy needs a model: give --model NAME --base-url URL [--api-key-env VARIABLE].')
  return model
}
