import {
  type CallToolResult,
  type ElicitRequestURLParams,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type Server,
  type ServerContext,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/server'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { AppError, invalidInput, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { getConnection } from '../../db/connections.ts'
import { type Invoker, invoke } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import type { CallOptions, McpDoor } from './door.ts'
import { askingHandback } from './handback.ts'
import { toToolResult } from './tool-view.ts'
import { clientCapabilitiesOf } from './transport/client-capabilities.ts'

/** Below the 60 s after which most clients give up a call: an unanswered question must not lose the link. */
const ASK_MS = 45_000
const KEY = 'connect'

export interface ElicitationDeps {
  registry: Registry
  invoker: Invoker
}

/** One exchange with one client. */
export interface Exchange {
  server: Server
  context: ServerContext
  door: McpDoor
  modern: boolean
}

interface Offer {
  id: string
  url: string
  expiresAt: Date
  message: string
}

/**
 * Calls a tool; where a person has to open a connect link, clients that can show an address are asked to: links that
 * create_connect_link made, and those that would put right a call that failed for want of an account. A credential never
 * passes through client or model. Both eras: 2026-07-28 by an `input_required` result and the call made again with
 * the answer; 2025-11-25 by `elicitation/create`, or the error -32042 where the call must wait for it, and
 * `notifications/elicitation/complete`. Clients without the capability get the link as text, as ever.
 */
export function buildElicitingCall(deps: ElicitationDeps) {
  return async (
    exchange: Exchange,
    name: string,
    given: unknown,
    options: CallOptions,
  ): Promise<CallToolResult | InputRequiredResult> => {
    const { server, context, door } = exchange
    const call = () => askingHandback(exchange, () => door.callTool(name, given, options), options)
    if (clientCapabilitiesOf(server, context).elicitation?.url === undefined) return call()
    const answer = inputResponse(context.mcpReq.inputResponses, KEY)
    const state = context.mcpReq.requestState()
    if (answer.kind === 'elicit' && typeof state === 'string')
      return resumed(deps, door, state, answer.action)
    let result: CallToolResult
    try {
      result = await call()
    } catch (cause) {
      const error = toAppError(cause)
      // Shown once: who declined, or has not connected when they come back, gets the error.
      const offer = answer.kind === 'elicit' ? undefined : await offerFor(deps, door, error)
      if (offer === undefined) throw error
      return required(deps, exchange, offer)
    }
    const offer = offerIn(result)
    return offer === undefined ? result : offered(deps, exchange, offer, result)
  }
}

/** A link was made: the person is shown it, and the agent has its result all the same. */
async function offered(
  deps: ElicitationDeps,
  exchange: Exchange,
  offer: Offer,
  result: CallToolResult,
): Promise<CallToolResult | InputRequiredResult> {
  const { context, door, modern } = exchange
  if (modern) {
    const requestState = await seal(deps, door.actor, JSON.stringify(result.structuredContent))
    return inputRequired({ inputRequests: { [KEY]: inputRequired.elicitUrl(asked(offer)) }, requestState })
  }
  announceCompletion(deps, exchange, offer)
  const { action } = await context.mcpReq
    .elicitInput({ mode: 'url', elicitationId: offer.id, ...asked(offer) }, { timeout: ASK_MS })
    .catch(() => ({ action: undefined }))
  return answered(deps, door, offer.id, result, action)
}

/** A call failed for want of an account: it waits for the person where the protocol lets it. */
async function required(
  deps: ElicitationDeps,
  exchange: Exchange,
  offer: Offer,
): Promise<InputRequiredResult> {
  if (exchange.modern) {
    return inputRequired({ inputRequests: { [KEY]: inputRequired.elicitUrl(asked(offer)) } })
  }
  announceCompletion(deps, exchange, offer)
  throw new UrlElicitationRequiredError(
    [{ mode: 'url', elicitationId: offer.id, ...asked(offer) }],
    `${offer.message} Then make the call again.`,
  )
}

const asked = ({ url, message }: Offer): Pick<ElicitRequestURLParams, 'url' | 'message'> => ({ url, message })

/** The call made again with what the person did. */
async function resumed(
  deps: ElicitationDeps,
  door: McpDoor,
  state: string,
  action: 'accept' | 'decline' | 'cancel',
): Promise<CallToolResult> {
  const output = JSON.parse(await unseal(deps, door.actor, state)) as Record<string, unknown>
  const result = toToolResult(output)
  const offer = offerIn(result)
  return offer === undefined ? result : answered(deps, door, offer.id, result, action)
}

async function answered(
  deps: ElicitationDeps,
  door: McpDoor,
  link: string,
  result: CallToolResult,
  action: 'accept' | 'decline' | 'cancel' | undefined,
): Promise<CallToolResult> {
  const note = {
    accept: `The person was shown the link and is opening it. get_connect_link {"link":"${link}"} tells when the account is connected.`,
    decline: 'The person declined, so the link was cancelled.',
    cancel: 'The person dismissed the question; the link can still be used.',
    unanswered: 'The person has not answered; give them the link.',
  }[action ?? 'unanswered']
  if (action !== 'decline') return { ...result, content: [...result.content, { type: 'text', text: note }] }
  const cancelled = await run(deps, door.actor, 'cancel_connect_link', { link })
  const before = isJsonObject(result.structuredContent) ? result.structuredContent : {}
  const { content, structuredContent } = toToolResult({ ...before, ...cancelled })
  return { content: [...content, { type: 'text', text: note }], structuredContent }
}

/** Tells a client of 2025-11-25 when its person is done; one of 2026-07-28 asks by itself. */
function announceCompletion({ invoker }: ElicitationDeps, { server }: Exchange, offer: Offer): void {
  const notify = server.createElicitationCompletionNotifier(offer.id)
  invoker.services.connectLinks.watch(offer, () => {
    notify().catch((error: Error) => invoker.log.debug({ err: error.message }, 'a client was not told'))
  })
}

/** The link create_connect_link made, called by itself or through call_tool. */
function offerIn({ structuredContent }: CallToolResult): Offer | undefined {
  const output = isJsonObject(structuredContent) ? structuredContent : {}
  const { url, link } = isJsonObject(output.result) ? output.result : output
  if (typeof url !== 'string' || !isJsonObject(link) || typeof link.id !== 'string') return undefined
  if (!link.id.startsWith('cl_') || link.headless === true) return undefined
  const what = typeof link.connector === 'string' ? `an account of ${link.connector}` : 'an account'
  return {
    id: link.id,
    url,
    expiresAt: new Date(String(link.expiresAt)),
    message: `Open this page to ${link.reconnects === null ? 'connect' : 'reconnect'} ${what}.`,
  }
}

/** The link that would put the failure right: of an expired account, or of an app that is not connected. */
async function offerFor(deps: ElicitationDeps, door: McpDoor, error: AppError): Promise<Offer | undefined> {
  const { invoker } = deps
  const { connection, integration, status } = error.data ?? {}
  if (typeof connection === 'string' && (status === 'expired' || status === 'failed')) {
    if (!door.actor.permissions.has('connections.update')) return undefined
    const scope = scopeOf(door.actor)
    const row = await invoker.db.read(scope, (tx) => getConnection(tx, connection))
    if (row === undefined) return undefined
    const made = await invoker.services.connectLinks.reconnect(scope, row)
    return made && { ...made, message: `${error.message} Open this page to reconnect the account.` }
  }
  if (typeof integration !== 'string' || status !== 'not_connected') return undefined
  // Not every key may connect, and not every app can be: then the error says enough.
  const output = await run(deps, door.actor, 'create_connect_link', {
    connector: integration,
    ...(typeof error.data?.customer === 'string' ? { customer: error.data.customer } : {}),
  }).catch(() => undefined)
  const offer = output && offerIn(toToolResult(output))
  return offer && { ...offer, message: `${error.message} ${offer.message}` }
}

function run({ registry, invoker }: ElicitationDeps, actor: Actor, name: string, input: object) {
  const tool = registry.get(name)
  if (tool === undefined) throw new AppError('internal', `There is no ${name}.`)
  return invoke(invoker, { tool, actor, input, counted: true })
}

/** State that passes through the client: only the same key can bring it back, and only as it was. */
const purposeOf = (actor: Actor) => `mcp_state:${actor.id}`

const seal = ({ invoker }: ElicitationDeps, actor: Actor, text: string): Promise<string> =>
  invoker.db.tenant(scopeOf(actor), (tx) =>
    invoker.services.vault.seal(tx, actor.organizationId, purposeOf(actor), text),
  )

async function unseal({ invoker }: ElicitationDeps, actor: Actor, sealed: string): Promise<string> {
  const opened = await invoker.db
    .read(scopeOf(actor), (tx) =>
      invoker.services.vault.open(tx, actor.organizationId, purposeOf(actor), sealed),
    )
    .catch((cause: unknown) => {
      throw invalidInput('The requestState is not the one this server gave.', {
        where: 'requestState',
        hint: 'Send back what the input_required result held, or make the call anew.',
        cause,
      })
    })
  return opened.reveal()
}
