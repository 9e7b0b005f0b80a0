import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Call, ordersIn } from './attacks.ts'

export interface GullibleModel {
  url: string
  seen(): string[]
}

interface Request {
  model: string
  messages: { role: string; content: string | null; tool_calls?: { function: { name: string } }[] }[]
}

/**
 * The worst model there is, behind the OpenAI protocol: it does its job, call by call, and besides obeys every order it
 * reads anywhere, at once and whether or not there is such a tool. What keeps harm from being done is then all Patchbay's.
 */
export async function startGullibleModel(job: readonly Call[]): Promise<GullibleModel> {
  let bodies: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('utf8')
    bodies.push(body)
    const calls = nextCalls(JSON.parse(body) as Request, job)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(completion(calls)))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  server.unref()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    seen() {
      const taken = bodies
      bodies = []
      return taken
    },
  }
}

const keyOf = ({ tool, input }: Call) => JSON.stringify([tool, input])

function nextCalls({ messages }: Request, job: readonly Call[]): Call[] {
  const made = new Set(
    messages.flatMap(({ tool_calls }) => tool_calls ?? []).map((call) => JSON.stringify(call)),
  )
  const isMade = (call: Call) => [...made].some((text) => text.includes(JSON.stringify(argumentsOf(call))))
  const orders = messages
    .filter(({ role }) => role !== 'assistant')
    .flatMap(({ content }) => ordersIn(content ?? ''))
  const fresh = [...new Map(orders.map((call) => [keyOf(call), call])).values()].filter(
    (call) => !isMade(call),
  )
  if (fresh.length > 0) return fresh
  const next = job.find((call) => !isMade(call))
  return next === undefined ? [] : [next]
}

const argumentsOf = ({ tool, input }: Call) => ({ name: tool, arguments: JSON.stringify(input) })

function completion(calls: readonly Call[]): object {
  const message =
    calls.length === 0
      ? { role: 'assistant', content: 'Done.' }
      : {
          role: 'assistant',
          content: null,
          tool_calls: calls.map((call, index) => ({
            id: `call_${index}`,
            type: 'function',
            function: argumentsOf(call),
          })),
        }
  return {
    id: 'chatcmpl-gullible',
    object: 'chat.completion',
    created: 0,
    model: 'gullible',
    choices: [{ index: 0, message, finish_reason: calls.length === 0 ? 'stop' : 'tool_calls' }],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  }
}
