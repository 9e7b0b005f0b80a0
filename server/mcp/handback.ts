import type { CallToolResult, ElicitRequestFormParams } from '@modelcontextprotocol/server'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { CallOptions } from './door.ts'
import type { Exchange } from './elicitation.ts'
import { toToolResult } from './tool-view.ts'
import { clientCapabilitiesOf } from './transport/client-capabilities.ts'

/** Below the 60 s after which most clients give up a call. */
const ASK_MS = 45_000
const GO_ON_SECONDS = 5
const MAX_DETAILS_CHARS = 2_000

/**
 * The result of a call; where it is a run of an agent that asks something, and the client can ask its person with a form
 * (2025-11-25), the person is asked and the run goes on with the answer. Whoever does not answer in time, and every other
 * client, has the question in the result, to be answered by answer_agent_run.
 */
export async function askingHandback(
  exchange: Exchange,
  call: () => Promise<CallToolResult>,
  options: CallOptions,
  /** Of the question to the client. */
  meta?: Record<string, unknown>,
): Promise<CallToolResult> {
  const result = await call()
  const { context, door, modern } = exchange
  const waiting = waitingRun(result)
  // A client of 2026-07-28 would make the call again with the answer, and a call that starts a run would start another.
  if (waiting === undefined || modern || !showsForms(exchange)) return result
  const { run, question } = waiting
  const { action, content } = await context.mcpReq
    .elicitInput({ ...asForm(question), ...(meta === undefined ? {} : { _meta: meta }) }, { timeout: ASK_MS })
    .catch(() => ({ action: 'cancel' as const, content: undefined }))
  if (action !== 'accept' || content === undefined) return result
  return toToolResult(
    await door.read(
      'answer_agent_run',
      { run, question: question.id, answer: content, waitSeconds: GO_ON_SECONDS },
      options,
    ),
  )
}

/** Forms came before addresses: a client that names neither shows forms. */
export function showsForms({ server, context }: Exchange): boolean {
  const { elicitation } = clientCapabilitiesOf(server, context)
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined)
}

function waitingRun({ structuredContent }: CallToolResult) {
  const output = isJsonObject(structuredContent) ? structuredContent : {}
  const { run } = isJsonObject(output.result) ? output.result : output
  if (!isJsonObject(run) || run.status !== 'waiting' || typeof run.id !== 'string') return undefined
  if (!isJsonObject(run.question) || !run.id.startsWith('run_')) return undefined
  return { run: run.id, question: run.question }
}

/** A question of a run as the form a client shows. What of its details does not fit is told: nobody agrees to what they did not see. */
export function asForm({ question, details, schema }: JsonObject): ElicitRequestFormParams {
  const about =
    isJsonObject(details) && Object.keys(details).length > 0 ? JSON.stringify(details, null, 2) : ''
  const { properties = {}, required = [] } = isJsonObject(schema) ? schema : {}
  return {
    mode: 'form',
    message: [String(question), about.slice(0, MAX_DETAILS_CHARS), leftOut(about)]
      .filter(Boolean)
      .join('\n\n'),
    requestedSchema: {
      type: 'object',
      properties: asFields(properties),
      required,
    } as ElicitRequestFormParams['requestedSchema'],
  }
}

/** Forms take the keywords that MCP names, and no others. */
const asFields = (properties: Json): JsonObject =>
  Object.fromEntries(
    Object.entries(isJsonObject(properties) ? properties : {}).map(([name, field]) => {
      if (!isJsonObject(field)) return [name, field]
      const { 'x-when': _when, ...known } = field
      return [name, known]
    }),
  )

const leftOut = ({ length }: string): string =>
  length <= MAX_DETAILS_CHARS
    ? ''
    : `This is not all: ${length - MAX_DETAILS_CHARS} more characters stand in question.details of get_agent_run. Read them before you agree.`
