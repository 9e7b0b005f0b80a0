import { invalidInput, toAppError, toErrorBody } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Acting, AgentCard } from '../acting.ts'
import type { AgentTool, ChatMessage } from '../models/models.ts'
import { promptData } from '../prompt-data.ts'
import { ASSIST } from './prompt.ts'

/**
 * Nothing that deletes, nothing whose answer holds a secret (create_webhook, create_api_key, the link of
 * create_connect_link), and no answering of what another run asks a person.
 */
const LOOKING = [
  'describe_tool',
  'list_connectors',
  'get_connector',
  'list_actions',
  'get_action',
  'search_api_docs',
  'list_customers',
  'list_connections',
  'list_workflows',
  'get_workflow',
  'list_workflow_versions',
  'validate_workflow',
  'list_triggers',
  'list_environments',
  'list_executions',
  'get_execution',
  'list_execution_steps',
  'list_traces',
  'get_trace',
  'list_dead_letters',
  'list_agent_runs',
  'get_agent_run',
] as const
const CHANGING = [
  'import_spec',
  'create_action',
  'update_action',
  'run_action',
  'create_workflow',
  'update_workflow',
  'publish_workflow',
  'deploy_workflow',
  'run_workflow',
  'create_scheduler',
  'replay_execution',
  'build_connector',
  'fix_action',
  'build_workflow',
  'plan_integration',
  'generate_workflow',
  'write_test_cases',
] as const

export const assistant = {
  purpose:
    'Talks with a person about their integrations, with the platform’s tools at hand; changes are put to the person first.',
  tools: [...LOOKING, ...CHANGING],
} as const satisfies AgentCard

const MAX_STEPS = 20
const MAX_PROPOSALS = 8

/** A change the model wants made. */
export interface Proposal {
  tool: string
  input: JsonObject
}

/** One turn of the model: what it says, and what it wants changed. It changes nothing itself. */
export async function takeTurn(
  acting: Acting,
  before: readonly ChatMessage[],
): Promise<{ text: string; messages: ChatMessage[]; proposals: Proposal[] }> {
  const proposals: Proposal[] = []
  const answer = await acting.model().converse({
    tier: 'plan',
    system: ASSIST(assistant.tools.filter((name) => name !== 'describe_tool')),
    messages: before,
    tools: toolsOf(acting, proposals),
    maxSteps: MAX_STEPS,
    purpose: 'chat',
  })
  return { ...answer, proposals }
}

function toolsOf(acting: Acting, proposals: Proposal[]): AgentTool[] {
  const name = { type: 'string', description: 'Name of one of the platform’s tools.' }
  return [
    {
      name: 'describe_tool',
      description: 'What a tool does, and the JSON Schema of its input.',
      input: { type: 'object', properties: { name }, required: ['name'], additionalProperties: false },
      run: async (input) => describe(acting, String(input.name)),
    },
    {
      name: 'use_tool',
      description: 'Calls a tool. One that changes something is put to the person first.',
      input: {
        type: 'object',
        properties: {
          name,
          input: { type: 'object', description: 'Its input, as describe_tool’s inputSchema says.' },
        },
        required: ['name', 'input'],
        additionalProperties: false,
      },
      run: async ({ name: tool, input }) =>
        useTool(acting, proposals, String(tool), isJsonObject(input) ? input : {}),
    },
  ]
}

async function describe(acting: Acting, tool: string): Promise<JsonObject> {
  if (!(assistant.tools as readonly string[]).includes(tool)) {
    throw invalidInput(`You may not use '${tool}'.`, {
      where: 'name',
      hint: `Use one of: ${assistant.tools.join(', ')}.`,
    })
  }
  const { name, description, effect, inputSchema = null } = await acting.call('describe_tool', { name: tool })
  return { name: name ?? tool, description: description ?? '', effect: effect ?? '', inputSchema }
}

async function useTool(
  acting: Acting,
  proposals: Proposal[],
  tool: string,
  input: JsonObject,
): Promise<unknown> {
  const { effect } = await describe(acting, tool)
  if (effect === 'read') return { result: promptData(tool, await acting.call(tool, input)) }
  if (proposals.length >= MAX_PROPOSALS)
    throw invalidInput('That is enough for one turn.', {
      hint: 'End your turn; go on when the results are there.',
    })
  proposals.push({ tool, input })
  return {
    proposed: true,
    note: 'The person is asked. End your turn now; the result comes with the next message.',
  }
}

/** Makes a change the person agreed to. @returns what the model is told */
export async function carryOut(acting: Acting, { tool, input }: Proposal): Promise<Json> {
  try {
    return { tool, result: await acting.call(tool, input) }
  } catch (cause) {
    const error = toAppError(cause)
    if (error.code === 'cancelled') throw cause
    return { tool, error: { ...toErrorBody(error) } as unknown as Json }
  }
}
