import { z } from 'zod'
import type { LangGraph, RunContext } from '../../graphs/frame/define-agent.ts'
import { defineAgent } from '../../graphs/frame/define-agent.ts'

const Input = z.object({
  prefix: z.string().describe('Names begin with it.'),
  linger: z.boolean().default(false).describe('Stay in the first node until stopped.'),
  about: z.string().optional().describe('Shown with the question.'),
})
const Output = z.object({
  created: z.array(z.string()).describe('Names of customers.'),
  answer: z.string().describe('What the person said.'),
})
type Input = z.output<typeof Input>

const stateOf = ({ Annotation }: LangGraph) =>
  Annotation.Root({
    input: Annotation<Input>,
    output: Annotation<z.output<typeof Output>>,
    answer: Annotation<string>,
  })
type State = ReturnType<typeof stateOf>['State']

const make = (suffix: string) => async (state: State, run: RunContext) => {
  const name = `${state.input.prefix} ${suffix}`
  // Called twice it would fail: there can be one customer of a name.
  await run.call('create_customer', { name })
  return {}
}

/** Proves the frame: two nodes at once that each have an effect, a question to a person, and effects after it. */
export const registrar = defineAgent({
  name: 'registrar',
  title: 'Registrar',
  description: 'Creates customers and asks what to call them.',
  needsModel: false,
  tools: ['create_customer', 'list_customers'],
  input: Input,
  output: Output,
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    const State = stateOf(langgraph)
    return new StateGraph(State)
      .addNode(
        'plan',
        node(async ({ input }: State, run) => {
          await run.message(`Two customers of ${input.prefix}.`)
          if (input.linger) await new Promise((_, reject) => run.signal.addEventListener('abort', reject))
          return {}
        }),
      )
      .addNode('make_left', node(make('Left')))
      .addNode('make_right', node(make('Right')))
      .addNode(
        'ask',
        node(async ({ input: { about } }: State, run) => {
          // Text that cannot be stored as it is, in a visit that is made again with the answer: the same both times.
          const odd = await run.once('odd', async () => 'NUL \0 and half \ud800')
          await run.message(`Kept: ${odd}`)
          if (about === 'what cannot be kept')
            await run.once('deep', async () => JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)))
          const answer = await run.handback({
            point: 'after_making',
            question: 'What is the third one called?',
            details: { made: 2, ...(about === undefined ? {} : { about }) },
            answer: z.object({ name: z.string().min(2).describe('Its name.') }),
            default: { name: 'Third' },
          })
          return { answer: answer.name }
        }),
      )
      .addNode(
        'finish',
        node(async (state: State, run) => {
          const isMine = (name: string) => name.startsWith(`${state.input.prefix} `)
          // Asked and said twice in one visit: each time is one of its own.
          const names = async () => {
            await run.message('Who is there?')
            const { customers } = (await run.call('list_customers', {})) as { customers: { name: string }[] }
            return customers
              .map(({ name }) => name)
              .filter(isMine)
              .sort()
          }
          const before = await names()
          await make(state.answer)(state, run)
          const created = await names()
          const content = created.filter((name) => !before.includes(name))
          await run.artifact({ kind: 'list', title: 'Customers', content })
          return { output: { created, answer: state.answer } }
        }),
      )
      .addEdge(START, 'plan')
      .addEdge('plan', 'make_left')
      .addEdge('plan', 'make_right')
      .addEdge(['make_left', 'make_right'], 'ask')
      .addEdge('ask', 'finish')
      .addEdge('finish', END)
  },
})
