import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ChatRequest, hashOf, namesIn, normalized, withNames } from './requests.ts'
import type { ScriptInput } from './script.ts'

type Turns = ScriptInput['turns']

export interface Recorder {
  /** Base URL to configure in place of the live one. */
  url: string
  /** What was recorded so far, as a script a played model replays. Holds no key and no headers. */
  recording(): ScriptInput
  close(): Promise<void>
}

/** A proxy before a live endpoint that keeps what is asked and answered; failures pass through and are not kept. */
export async function startRecorder(upstream: string, port = 0): Promise<Recorder> {
  const turns: Turns = []
  const server = createServer((req, res) => {
    relay(upstream.replace(/\/+$/, ''), req, res, turns).catch((error: Error) => {
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end(JSON.stringify({ error: { message: error.message } }))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    recording: () => ({ turns: structuredClone(turns) }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function relay(base: string, req: IncomingMessage, res: ServerResponse, turns: Turns): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  const body = Buffer.concat(parts).toString('utf8')
  const { authorization } = req.headers
  const answer = await fetch(base + (req.url ?? '').replace(/^\/v1/, ''), {
    method: req.method ?? 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === '' ? {} : { body }),
    redirect: 'error',
  })
  const retryAfter = answer.headers.get('retry-after')
  res.writeHead(answer.status, {
    'content-type': answer.headers.get('content-type') ?? 'application/json',
    ...(retryAfter === null ? {} : { 'retry-after': retryAfter }),
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    res.write(chunk)
  }
  if (answer.ok && body !== '') turns.push(turnOf(JSON.parse(body) as ChatRequest, text))
  res.end()
}

interface Piece {
  choices?: { delta?: Part; message?: Part; finish_reason?: string | null }[]
  usage?: {
    prompt_tokens: number
    completion_tokens: number
    prompt_tokens_details?: { cached_tokens?: number }
  } | null
}
interface Part {
  content?: string | null
  tool_calls?: { index?: number; id?: string; function?: { name?: string; arguments?: string } }[]
}

/** The answer put together from its pieces, its changing values named as those of the request are. */
function turnOf(request: ChatRequest, text: string): Turns[number] {
  const names = namesIn(request)
  const calls: { id: string; name: string; arguments: string }[] = []
  let said = ''
  let finish: string | undefined
  let usage: Piece['usage']
  for (const piece of piecesOf(text)) {
    usage = piece.usage ?? usage
    const choice = piece.choices?.[0]
    finish = choice?.finish_reason ?? finish
    const part = choice?.delta ?? choice?.message
    said += part?.content ?? ''
    for (const [n, call] of (part?.tool_calls ?? []).entries()) {
      const at = call.index ?? n
      calls[at] ??= { id: '', name: '', arguments: '' }
      calls[at].id ||= call.id ?? ''
      calls[at].name ||= call.function?.name ?? ''
      calls[at].arguments += call.function?.arguments ?? ''
    }
  }
  return {
    when: { request: hashOf(request) },
    recorded: normalized(request),
    text: withNames(said, names),
    ...(calls.length === 0
      ? {}
      : { toolCalls: calls.map((call) => ({ ...call, arguments: withNames(call.arguments, names) })) }),
    ...(finish === undefined ? {} : { finishReason: finish }),
    ...(usage == null
      ? {}
      : {
          usage: {
            input: usage.prompt_tokens,
            cachedInput: usage.prompt_tokens_details?.cached_tokens ?? 0,
            output: usage.completion_tokens,
          },
        }),
  }
}

function piecesOf(text: string): Piece[] {
  if (!text.trimStart().startsWith('data:')) return [JSON.parse(text) as Piece]
  return text
    .split('\n')
    .filter((line) => line.startsWith('data:') && !line.includes('[DONE]'))
    .map((line) => JSON.parse(line.slice(5)) as Piece)
}
