import { z } from 'zod'
import { assistant as card, carryOut, type Proposal, takeTurn } from '../../agents/assistant/agent.ts'
import { mayGoUnasked } from '../../agents/assistant/unasked.ts'
import type { ChatMessage } from '../../agents/models/models.ts'
import { promptData } from '../../agents/prompt-data.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { ChatInput } from '../../tools/agents/chat-with-agent.ts'
import { defineAgent, type LangGraph, type RunContext } from '../frame/define-agent.ts'

const Output = z.object({
  reply: z.string().describe('What the assistant said last.'),
  done: z
    .array(z.object({ tool: z.string(), outcome: z.enum(['done', 'failed', 'refused']) }))
    .describe('The changes it proposed, and what became of them.'),
})
type Done = z.output<typeof Output>['done'][number]

const stateOf = ({ Annotation }: LangGraph) => {
  const last = <T>(initial: T) =>
    Annotation<T>({ reducer: (_before: T, next: T) => next, default: () => initial })
  return Annotation.Root({
    input: Annotation<z.output<typeof ChatInput>>,
    output: Annotation<z.output<typeof Output>>,
    messages: last<ChatMessage[]>([]),
    proposals: last<Proposal[]>([]),
    reply: last(''),
    done: Annotation<Done[]>({ reducer: (before, more) => [...before, ...more], default: () => [] }),
    ended: last(false),
  })
}
type State = ReturnType<typeof stateOf>['State']

/** A conversation: the model's turn, the changes it proposed, the person's next message, and so on. */
export const assistant = defineAgent({
  name: 'assistant',
  title: 'Assistant',
  description: card.purpose,
  needsModel: true,
  tools: card.tools,
  input: ChatInput,
  output: Output,
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    return new StateGraph(stateOf(langgraph))
      .addNode('talk', node(talk))
      .addNode('act', node(act))
      .addNode('listen', node(listen))
      .addNode(
        'conclude',
        node(async ({ reply, done }: State) => ({ output: { reply, done } })),
      )
      .addEdge(START, 'talk')
      .addConditionalEdges('talk', (state) => (state.proposals.length > 0 ? 'act' : 'listen'), [
        'act',
        'listen',
      ])
      .addEdge('act', 'talk')
      .addConditionalEdges('listen', (state) => (state.ended ? 'conclude' : 'talk'), ['talk', 'conclude'])
      .addEdge('conclude', END)
  },
})

async function talk({ input, messages }: State, run: RunContext): Promise<Partial<State>> {
  const before: ChatMessage[] = messages.length > 0 ? messages : [{ role: 'user', content: input.message }]
  // Kept as it was said: asked again after a crash, a model says something else.
  const turn = (await run.once(
    'turn',
    async () => (await takeTurn(run, before)) as unknown as Json,
  )) as unknown as Awaited<ReturnType<typeof takeTurn>>
  return { messages: turn.messages, proposals: turn.proposals, reply: turn.text }
}

/** The code that a change would let run: who agrees to it is to have seen it. */
async function codeOf(run: RunContext, { tool, input }: Proposal): Promise<JsonObject> {
  if (!RUNNING.includes(tool)) return {}
  const routes = Array.isArray(input.routes) ? input.routes : []
  const named = [input, ...routes].flatMap((one) =>
    isJsonObject(one) && one.workflow ? [String(one.workflow)] : [],
  )
  const code: JsonObject = {}
  for (const workflow of new Set(named)) {
    const found = await run.look('get_workflow', { workflow }).catch(() => undefined)
    code[workflow] = (found?.workflow as JsonObject | undefined)?.code ?? null
  }
  return { code }
}
const RUNNING = ['deploy_workflow', 'run_workflow', 'create_scheduler']

/** Puts each change to the person and makes those they agree to; in Auto mode only what could do harm is put to them. */
async function act(
  { input: { message }, proposals, messages, reply }: State,
  run: RunContext,
): Promise<Partial<State>> {
  const results: Json[] = []
  const done: Done[] = []
  for (const proposal of proposals) {
    const { tool, input } = proposal
    const { decision, note } = await run.handback({
      point: 'before_change',
      question: `The assistant wants to call ${tool}. ${reply}`.trim(),
      details: { tool, input, ...(await codeOf(run, proposal)) },
      answer: z.object({
        decision: z.enum(['accept', 'reject']).describe('accept: call it once, as shown.'),
        note: z.string().max(5_000).default('').describe('What the assistant should know.'),
      }),
      ...(run.approval === 'auto' && (await mayGoUnasked(run, proposal, message))
        ? { default: { decision: 'accept' as const } }
        : {}),
    })
    const result =
      decision === 'accept' ? await carryOut(run, proposal) : { tool, refused: 'The person did not agree.' }
    const failed = 'error' in (result as JsonObject)
    done.push({ tool, outcome: decision === 'reject' ? 'refused' : failed ? 'failed' : 'done' })
    results.push({ ...(result as JsonObject), ...(note === '' ? {} : { note }) })
  }
  const content = `What became of your proposals:\n${promptData('results', results)}`
  return { messages: [...messages, { role: 'user', content }], proposals: [], done }
}

/** The person's next message; nothing ends the conversation, and so does Auto mode. */
async function listen({ messages, reply }: State, run: RunContext): Promise<Partial<State>> {
  if (run.approval === 'auto') return { ended: true }
  const { message } = await run.handback({
    point: 'reply',
    question: reply || '(The assistant said nothing.)',
    answer: z.object({
      message: z.string().max(20_000).default('').describe('Your next message; empty: end.'),
    }),
  })
  if (message.trim() === '') return { ended: true }
  return { messages: [...messages, { role: 'user', content: message }] }
}
