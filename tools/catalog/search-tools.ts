import MiniSearch from 'minisearch'
import { z } from 'zod'
import { type AnyTool, defineTool, type Toolset, toolsets } from '../define-tool.ts'

const toolsetNames = Object.keys(toolsets) as [Toolset, ...Toolset[]]

export const searchTools = defineTool({
  name: 'search_tools',
  title: 'Search tools',
  description:
    'Finds tools by what they do, best first, among those this key may call. Then describe_tool shows the input of one and call_tool calls it.',
  input: z.object({
    query: z.string().trim().min(1).max(500).describe('What you want to do, e.g. "retry failed webhooks".'),
    toolset: z.enum(toolsetNames).nullable().default(null).describe('Only tools of this group.'),
    limit: z.coerce.number().int().min(1).max(100).default(10).describe('How many to return, 1–100.'),
  }),
  output: z.object({
    tools: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        description: z.string().describe('Its first sentence; describe_tool has the rest.'),
        toolset: z.enum(toolsetNames),
      }),
    ),
  }),
  permission: null,
  effect: 'read',
  http: 'GET /tools',
  async run(context, input) {
    const tools = context.services.catalog
      .visibleTo(context.actor)
      .filter((tool) => input.toolset === null || tool.toolset === input.toolset)
    return {
      tools: rank(tools, input.query)
        .slice(0, input.limit)
        .map(({ name, title, description, toolset }) => ({
          name,
          title,
          description: firstSentence(description),
          toolset,
        })),
    }
  },
})

/** Tools that fit a query in words, best first: names count most, and half-written or misspelt words still count. */
export function rank(tools: readonly AnyTool[], query: string): AnyTool[] {
  const index = new MiniSearch<AnyTool>({
    idField: 'name',
    fields: ['name', 'title', 'description', 'toolset'],
    tokenize: (text) => text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== ''),
    processTerm: stem,
    searchOptions: {
      boost: { name: 3, title: 2 },
      prefix: (term) => term.length > 2,
      fuzzy: 0.2,
      processTerm: stemWithSynonyms,
    },
  })
  index.addAll(tools)
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return index.search(query).flatMap(({ id }) => byName.get(String(id)) ?? [])
}

const stopWords = new Set('a an the to of for in on and or it is my i how do'.split(' '))

/** Words people say for the verbs tools are named with. */
const synonyms: Record<string, string[]> = {
  new: ['create'],
  add: ['create'],
  make: ['create'],
  build: ['create'],
  remove: ['delete'],
  change: ['update'],
  edit: ['update'],
  modify: ['update'],
  show: ['get', 'list'],
  see: ['get', 'list'],
  retry: ['replay'],
  rerun: ['replay'],
  execute: ['run'],
  invoke: ['run', 'call'],
  start: ['run'],
  stop: ['cancel'],
  undo: ['rollback'],
  tenant: ['customer'],
  app: ['connector'],
  integration: ['connector', 'workflow'],
  account: ['connection'],
  fix: ['update'],
}

/** Plurals and singulars meet; words that say nothing are left out. */
function stem(term: string): string | null {
  const word = term.toLowerCase()
  if (stopWords.has(word)) return null
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

function stemWithSynonyms(term: string): string[] {
  const word = stem(term)
  return word === null ? [] : [word, ...(Object.hasOwn(synonyms, word) ? (synonyms[word] ?? []) : [])]
}

const firstSentence = (text: string): string => /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text
