import {
  acceptedContent,
  type CallToolResult,
  type ElicitRequestFormParams,
  type InputRequests,
  inputRequired,
  inputResponse,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { type FixtureTool, noArguments, text } from './fixture-tools.ts'

type FormSchema = ElicitRequestFormParams['requestedSchema']

/** A form with one required field. */
export function oneField(
  name: string,
  field: FormSchema['properties'][string] = { type: 'string' },
): FormSchema {
  return { type: 'object', properties: { [name]: field }, required: [name] }
}

const elicit = (message: string, requestedSchema: FormSchema) =>
  inputRequired.elicit({ message, requestedSchema })
const ask = (question: string, maxTokens = 100) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: question } }],
    maxTokens,
  })

function sampledText(mcp: ServerContext, key: string): string | undefined {
  const view = inputResponse(mcp.mcpReq.inputResponses, key)
  if (view.kind !== 'sampling') return undefined
  const content = Array.isArray(view.result.content) ? view.result.content[0] : view.result.content
  return content?.type === 'text' ? content.text : ''
}

/** A tool that shows one form and reports what came back, whatever the user did. */
function formTool(
  tool: { name: string; description: string; report: string; inputSchema?: FixtureTool['inputSchema'] },
  message: (args: Record<string, unknown>) => string,
  form: FormSchema,
): FixtureTool {
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema ?? noArguments,
    run: async (args, { mcp }) => {
      const answer = inputResponse(mcp.mcpReq.inputResponses, 'form')
      if (answer.kind !== 'elicit') {
        return inputRequired({ inputRequests: { form: elicit(message(args), form) } })
      }
      return text(`${tool.report}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
    },
  }
}

/** A tool that asks for `requests`, then answers with what `complete` makes of the responses. */
function askingTool(
  name: string,
  requests: InputRequests,
  complete: (mcp: ServerContext) => CallToolResult | undefined,
): FixtureTool {
  return {
    name,
    description: `Needs from the client: ${Object.keys(requests).join(', ')}`,
    inputSchema: noArguments,
    run: async (_args, { mcp }) => complete(mcp) ?? inputRequired({ inputRequests: requests }),
  }
}

/** The same, with signed state that must come back untouched. */
function sealedTool(
  name: string,
  requests: InputRequests,
  complete: (mcp: ServerContext) => CallToolResult | undefined,
): FixtureTool {
  return {
    name,
    description: `Needs from the client: ${Object.keys(requests).join(', ')}, and its own state back`,
    inputSchema: noArguments,
    run: async (_args, { mcp, sealState }) => {
      const done = mcp.mcpReq.requestState() === undefined ? undefined : complete(mcp)
      return done ?? inputRequired({ inputRequests: requests, requestState: await sealState({ tool: name }) })
    },
  }
}

const confirm = { confirm: elicit('Please confirm', oneField('ok', { type: 'boolean' })) }
const confirmed = (mcp: ServerContext) =>
  acceptedContent(mcp.mcpReq.inputResponses, 'confirm') === undefined ? undefined : text('state-ok')
const named = (mcp: ServerContext): string | undefined => {
  const name = acceptedContent(mcp.mcpReq.inputResponses, 'user_name')?.name
  return typeof name === 'string' ? name : undefined
}

const enumForm: FormSchema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string',
      oneOf: [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
        { const: 'value3', title: 'Third Option' },
      ],
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
      type: 'array',
      items: {
        anyOf: [
          { const: 'value1', title: 'First Choice' },
          { const: 'value2', title: 'Second Choice' },
          { const: 'value3', title: 'Third Choice' },
        ],
      },
    },
  },
  required: [],
}

const defaultsForm: FormSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  required: [],
}

/** Tools that need something from the client. Each is written once; the SDK serves it to both eras. */
export const inputTools: FixtureTool[] = [
  formTool(
    {
      name: 'test_elicitation',
      description: 'Shows the user a form',
      report: 'User response',
      inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    },
    (args) => String(args.message),
    {
      type: 'object',
      properties: {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      },
      required: ['username', 'email'],
    },
  ),
  formTool(
    {
      name: 'test_elicitation_sep1034_defaults',
      description: 'A form whose fields have defaults',
      report: 'Elicitation completed',
    },
    () => 'Please review the fields',
    defaultsForm,
  ),
  formTool(
    {
      name: 'test_elicitation_sep1330_enums',
      description: 'A form with every kind of choice',
      report: 'Elicitation completed',
    },
    () => 'Please choose',
    enumForm,
  ),
  {
    name: 'test_sampling',
    description: "Asks the client's model",
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    run: async (args, { mcp }) => {
      const answer = sampledText(mcp, 'answer')
      return answer === undefined
        ? inputRequired({ inputRequests: { answer: ask(String(args.prompt)) } })
        : text(`LLM response: ${answer}`)
    },
  },
  askingTool('test_missing_capability', { answer: ask('Anything?') }, () => undefined),
  {
    name: 'test_streaming_elicitation',
    description: 'Reports progress, then needs input',
    inputSchema: noArguments,
    run: async (_args, { mcp }) => {
      const progressToken = mcp.mcpReq._meta?.progressToken ?? 'streaming'
      await mcp.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
      return named(mcp) === undefined
        ? inputRequired({ inputRequests: { user_name: elicit('What is your name?', oneField('name')) } })
        : text('Done')
    },
  },
  askingTool(
    'test_input_required_result_elicitation',
    { user_name: elicit('What is your name?', oneField('name')) },
    (mcp) => (named(mcp) === undefined ? undefined : text(`Hello, ${named(mcp)}!`)),
  ),
  askingTool(
    'test_input_required_result_sampling',
    { capital_question: ask('What is the capital of France?') },
    (mcp) => {
      const answer = sampledText(mcp, 'capital_question')
      return answer === undefined ? undefined : text(answer)
    },
  ),
  askingTool('test_input_required_result_list_roots', { client_roots: inputRequired.listRoots() }, (mcp) => {
    const view = inputResponse(mcp.mcpReq.inputResponses, 'client_roots')
    return view.kind === 'roots' ? text(view.roots.map((root) => root.uri).join('\n')) : undefined
  }),
  sealedTool('test_input_required_result_request_state', confirm, confirmed),
  sealedTool('test_input_required_result_tampered_state', confirm, confirmed),
  sealedTool(
    'test_input_required_result_multiple_inputs',
    {
      user_name: elicit('What is your name?', oneField('name')),
      greeting: ask('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    },
    (mcp) => {
      const greeting = sampledText(mcp, 'greeting')
      const roots = inputResponse(mcp.mcpReq.inputResponses, 'client_roots')
      if (named(mcp) === undefined || greeting === undefined || roots.kind !== 'roots') return undefined
      return text(`${greeting} ${named(mcp)}, ${roots.roots.length} roots`)
    },
  ),
  {
    name: 'test_input_required_result_multi_round',
    description: 'Asks twice, keeping the first answer in signed state',
    inputSchema: noArguments,
    run: async (_args, { mcp, sealState }) => {
      const state = mcp.mcpReq.requestState<{ name?: string }>()
      const answers = mcp.mcpReq.inputResponses
      const name = state?.name ?? acceptedContent<{ name: string }>(answers, 'step1')?.name
      if (state === undefined || name === undefined) {
        return inputRequired({
          inputRequests: { step1: elicit('Step 1: What is your name?', oneField('name')) },
          requestState: await sealState({}),
        })
      }
      const color = acceptedContent<{ color: string }>(answers, 'step2')?.color
      if (color === undefined) {
        return inputRequired({
          inputRequests: { step2: elicit('Step 2: What is your favorite color?', oneField('color')) },
          requestState: await sealState({ name }),
        })
      }
      return text(`${name} likes ${color}`)
    },
  },
  {
    name: 'test_input_required_result_capabilities',
    description: 'Asks only for what the client said it can do',
    inputSchema: noArguments,
    run: async (_args, { mcp, client: can }) => {
      const inputRequests: InputRequests = {
        ...(can.elicitation === undefined ? {} : { user_name: elicit('Your name?', oneField('name')) }),
        ...(can.sampling === undefined ? {} : { greeting: ask('Generate a greeting', 50) }),
      }
      const answered = Object.keys(inputRequests).every(
        (key) => mcp.mcpReq.inputResponses?.[key] !== undefined,
      )
      return answered ? text('Done') : inputRequired({ inputRequests })
    },
  },
]
