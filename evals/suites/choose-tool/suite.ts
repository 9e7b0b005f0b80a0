import { complete } from '../../client/chat.ts'
import { offered, requireModel } from '../../client/converse.ts'
import type { Doors } from '../../doors.ts'
import { buildRandom } from '../../random.ts'
import type { Policy, Suite, SuiteOptions, Task } from '../../suite.ts'
import { type Intent, intents } from './intents.ts'

export interface ToolSituation {
  /** What a person says. */
  wish: string
  /** Names the tool that is to be called. Twice: the first counts for nothing, the choice is no clear one. */
  choose(tool: string): void
}

/**
 * A person's wish, and one tool out of all that there are. Nothing is called: what counts is which tool would be.
 * Settings: `offer` (search: the model sees what search_tools finds; all: every tool with its schema).
 */
export const chooseTool: Suite<ToolSituation> = {
  name: 'choose-tool',
  description: 'Choose, out of all tools, the one that does what a sentence asks for.',
  baseline: 'search',
  policies: { search, client },
  async open(options) {
    const known = new Set(await toolNames(options.doors))
    const wishes = intents
      .filter(({ tools }) => tools.some((tool) => known.has(tool)))
      .flatMap((intent, number) => intent.says.map((wish, said) => ({ intent, wish, number, said })))
    const chosen = buildRandom(options.seed).shuffled(wishes).slice(0, options.count)
    return {
      async *tasks() {
        for (const { intent, wish, said } of chosen) yield taskOf(intent, wish, said, known)
      },
      notes: () => ({
        tools: known.size,
        wishes: wishes.length,
        unknown: intents.map(({ tools }) => tools[0]).filter((tool) => !known.has(tool)),
      }),
      async close() {},
    }
  },
}

/** Every tool that the key may call. */
export async function toolNames(doors: Doors): Promise<string[]> {
  const names = new Set<string>()
  // search_tools gives at most 100 at a time, of one group.
  for (const toolset of await toolsets(doors)) {
    const { tools } = await doors.call('search_tools', {
      query: `${toolset} ${EVERY_WORD}`,
      toolset,
      limit: 100,
    })
    for (const { name } of tools) names.add(name)
  }
  return [...names]
}

const EVERY_WORD = 'list get create update delete run set'

async function toolsets(doors: Doors): Promise<string[]> {
  const { inputSchema } = await doors.call('describe_tool', { name: 'search_tools' })
  const text = JSON.stringify(inputSchema.properties.toolset)
  const names = /"enum":(\[[^\]]*\])/.exec(text)?.[1]
  if (names === undefined) throw new Error(`search_tools names no toolsets: ${text}`)
  return JSON.parse(names) as string[]
}

export function taskOf(
  intent: Intent,
  wish: string,
  said: number,
  known: ReadonlySet<string>,
): Task<ToolSituation> {
  let choices: string[] = []
  return {
    id: `${intent.tools[0]} ${said + 1}`,
    class: intent.group,
    environment: `phrasing ${said + 1}`,
    situation: { wish, choose: (tool) => choices.push(tool) },
    async check() {
      const [choice, another] = choices
      const problem =
        choice === undefined
          ? 'no tool was chosen'
          : another !== undefined
            ? `more than one tool was chosen: ${choices.join(', ')}`
            : !known.has(choice)
              ? `there is no tool '${choice}'`
              : !intent.tools.includes(choice)
                ? `'${wish}' is for ${intent.tools.join(' or ')}, not ${choice}`
                : undefined
      return { passed: problem === undefined, problems: problem === undefined ? [] : [problem] }
    },
    regressions: async () => [],
    async solve() {
      choices.push(intent.tools[0])
      return {}
    },
    async reset() {
      choices = []
    },
    async restart() {},
  }
}

/** What search_tools finds first: no model. */
function search({ doors }: SuiteOptions): Policy<ToolSituation> {
  return async ({ situation }) => {
    const { tools } = await doors.call('search_tools', { query: situation.wish, limit: FOUND })
    if (tools[0] !== undefined) situation.choose(tools[0].name)
    return {
      steps: 1,
      trajectory: [
        {
          kind: 'tool',
          title: 'search_tools',
          input: { query: situation.wish },
          output: (tools as { name: string }[]).map(({ name }) => name),
        },
      ],
    }
  }
}

const FOUND = 10
const SYSTEM =
  'You operate Patchbay, a platform for integrations, with its tools. The user says what they want. Call the one tool that does it. Do not ask back: where a value is missing, make one up.'
const PER_MILLION = 1_000_000

/** A model that is offered the tools, and whose first call is the choice. */
function client(options: SuiteOptions): Policy<ToolSituation> {
  const model = requireModel(options)
  const { doors, settings } = options
  const every = settings.offer === 'all' ? toolNames(doors).then((names) => offered(doors, names)) : undefined
  return async ({ situation }) => {
    const { tools: found } = await doors.call('search_tools', { query: situation.wish, limit: FOUND })
    const tools =
      every === undefined
        ? await offered(
            doors,
            (found as { name: string }[]).map(({ name }) => name),
          )
        : await every
    const answer = await complete(
      model,
      [
        { role: 'system', content: SYSTEM },
        { role: 'user', content: situation.wish },
      ],
      tools,
    )
    for (const { name } of answer.calls.slice(0, 1)) situation.choose(name)
    return {
      steps: 1,
      tokens: answer.inputTokens + answer.outputTokens,
      money:
        (answer.inputTokens * (model.price?.input ?? 0) + answer.outputTokens * (model.price?.output ?? 0)) /
        PER_MILLION,
      trajectory: [
        { kind: 'note', title: `${tools.length} tools were offered` },
        { kind: 'model', title: model.model, input: situation.wish, output: answer.calls },
      ],
    }
  }
}
