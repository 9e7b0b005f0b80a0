import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatRequest, differences, misfit, namesIn, normalized, withValues } from './requests.ts'
import { Script, type ScriptInput, type ScriptTurn } from './script.ts'

export interface PlayedModel {
  /** What to configure as base URL: ends with /v1. */
  url: string
  /** Every completion asked for, in order; `body` as sent. */
  received: { request: ChatRequest; body: string; authorization: string | undefined }[]
  /** Turns that are still to be played. */
  left(): number
  close(): Promise<void>
}

/**
 * A model server that plays a script by the OpenAI chat completions protocol, streamed or not. The first turn that fits
 * a request and has not been used up answers it; a request that none fits is refused with 409 and the reason.
 * @param changed what is answered in place of a turn, by what the request says
 */
export async function startPlayedModel(
  given: ScriptInput,
  port = 0,
  changed: (turn: ScriptTurn, request: ChatRequest) => ScriptTurn = (turn) => turn,
): Promise<PlayedModel> {
  const script = Script.parse(given)
  const uses = new Map<ScriptTurn, number>()
  const received: PlayedModel['received'] = []
  const isLeft = (turn: ScriptTurn) => turn.times === 0 || (uses.get(turn) ?? 0) < turn.times
  const server = createServer((req, res) => {
    answer(req, res).catch((error: Error) => fail(res, 500, error.message))
  })

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readAll(req)
    if (req.method === 'GET' && req.url === '/v1/models')
      return send(res, 200, { object: 'list', data: [{ id: 'played', object: 'model' }] })
    if (req.method !== 'POST' || req.url !== '/v1/chat/completions')
      return fail(res, 404, `There is nothing at ${req.method} ${req.url}.`)
    if (script.key !== undefined && req.headers.authorization !== `Bearer ${script.key}`)
      return fail(res, 401, 'Incorrect API key provided.', 'invalid_api_key')
    const request = JSON.parse(body) as ChatRequest
    received.push({ request, body, authorization: req.headers.authorization })
    const lacking = lacks(script, request)
    if (lacking !== undefined) return fail(res, 400, lacking)
    const found = script.turns.find(
      (candidate) => isLeft(candidate) && misfit(candidate, request) === undefined,
    )
    if (found === undefined) return fail(res, 409, mismatch(script, request, isLeft), 'no_such_turn')
    uses.set(found, (uses.get(found) ?? 0) + 1)
    const turn = changed(found, request)
    if (turn.delayMs !== undefined) await sleep(turn.delayMs)
    if (turn.drop === 'before') return void res.destroy()
    if (turn.error !== undefined) {
      const { status, message, retryAfterSeconds } = turn.error
      if (retryAfterSeconds !== undefined) res.setHeader('retry-after', String(retryAfterSeconds))
      return fail(res, status, message)
    }
    return request.stream === true ? playStream(res, turn, request, script) : playWhole(res, turn, request)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received,
    left: () => script.turns.filter((turn) => turn.times > 0 && isLeft(turn)).length,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function lacks(script: Script, request: ChatRequest): string | undefined {
  if (script.lacks.includes('json_schema') && request.response_format?.type === 'json_schema')
    return 'response_format json_schema is not supported by this model'
  if (script.lacks.includes('tools') && (request.tools ?? []).length > 0)
    return `${request.model} does not support tools`
  if (script.lacks.includes('tool_choice') && typeof request.tool_choice === 'object')
    return 'tool_choice is not supported by this model'
  return undefined
}

function mismatch(script: Script, request: ChatRequest, isLeft: (turn: ScriptTurn) => boolean): string {
  const left = script.turns.filter(isLeft)
  if (left.length === 0) return `The script has no turn left for this request: ${lastOf(request)}`
  const asked = normalized(request)
  const nearest = left
    .filter((turn) => turn.recorded !== undefined)
    .map((turn) => differences(turn.recorded, asked))
    .sort((a, b) => a.length - b.length)[0]
  if (nearest !== undefined)
    return `No recorded request is this one. The nearest differs in:\n${nearest.join('\n')}`
  const reasons = left.map((turn) => `turn ${script.turns.indexOf(turn) + 1}: ${misfit(turn, request)}`)
  return `No turn of the script fits this request (${lastOf(request)}):\n${reasons.join('\n')}`
}

const lastOf = (request: ChatRequest) =>
  `last message ${JSON.stringify(request.messages?.at(-1)?.content ?? null).slice(0, 200)}`

interface Content {
  text: string
  calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  finish: string
  usage: object
}

function contentOf(turn: ScriptTurn, request: ChatRequest): Content {
  const names = namesIn(request)
  const real = (text: string) => (turn.recorded === undefined ? text : withValues(text, names))
  const text = real(turn.text ?? (turn.json === undefined ? '' : JSON.stringify(turn.json)))
  const calls = (turn.toolCalls ?? []).map((call, n) => ({
    id: call.id ?? `call_${n + 1}`,
    type: 'function' as const,
    function: {
      name: call.name,
      arguments: real(
        typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {}),
      ),
    },
  }))
  const count = (what: unknown) => Math.ceil(JSON.stringify(what).length / 4)
  const input = turn.usage?.input ?? count(request.messages ?? [])
  const output = turn.usage?.output ?? count([text, calls])
  return {
    text,
    calls,
    finish: turn.finishReason ?? (calls.length > 0 ? 'tool_calls' : 'stop'),
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: turn.usage?.cachedInput ?? 0 },
    },
  }
}

const CREATED = 1_700_000_000

function playWhole(res: ServerResponse, turn: ScriptTurn, request: ChatRequest): void {
  const { text, calls, finish, usage } = contentOf(turn, request)
  if (turn.drop === 'midway') {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"id":')
    return void setImmediate(() => res.destroy())
  }
  const message = { role: 'assistant', content: text === '' && calls.length > 0 ? null : text }
  send(res, 200, {
    id: 'chatcmpl-played',
    object: 'chat.completion',
    created: CREATED,
    model: request.model,
    choices: [
      {
        index: 0,
        message: calls.length > 0 ? { ...message, tool_calls: calls } : message,
        finish_reason: finish,
      },
    ],
    usage,
  })
}

const PIECE_CHARS = 12

function playStream(res: ServerResponse, turn: ScriptTurn, request: ChatRequest, script: Script): void {
  const { text, calls, finish, usage } = contentOf(turn, request)
  const frame = (body: object) => ({
    id: 'chatcmpl-played',
    object: 'chat.completion.chunk',
    created: CREATED,
    model: request.model,
    ...body,
  })
  const delta = (part: object, reason: string | null = null) =>
    frame({ choices: [{ index: 0, delta: part, finish_reason: reason }] })
  const frames = [
    delta({ role: 'assistant', content: '' }),
    ...pieces(text).map((content) => delta({ content })),
  ]
  calls.forEach(({ id, type, function: { name, arguments: args } }, index) => {
    frames.push(delta({ tool_calls: [{ index, id, type, function: { name, arguments: '' } }] }))
    for (const piece of pieces(args))
      frames.push(delta({ tool_calls: [{ index, function: { arguments: piece } }] }))
  })
  const end = [delta({}, finish)]
  if (request.stream_options?.include_usage === true && !script.lacks.includes('stream_usage'))
    end.push(frame({ choices: [], usage }))
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  const write = (all: object[]) => {
    for (const one of all) res.write(`data: ${JSON.stringify(one)}\n\n`)
  }
  if (turn.drop === 'midway') {
    write(frames.slice(0, Math.ceil(frames.length / 2)))
    // What was written must be out before the socket goes.
    return void setImmediate(() => res.destroy())
  }
  write([...frames, ...end])
  res.end('data: [DONE]\n\n')
}

const pieces = (text: string): string[] => text.match(new RegExp(`[\\s\\S]{1,${PIECE_CHARS}}`, 'g')) ?? []

async function readAll(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function fail(res: ServerResponse, status: number, message: string, code: string | null = null): void {
  if (res.headersSent) return void res.destroy()
  send(res, status, { error: { message, type: 'played_model', code } })
}
