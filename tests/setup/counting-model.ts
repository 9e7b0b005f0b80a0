import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface CountingModel {
  /** Base URL; ends with /v1. */
  url: string
  /** What it would send a bill for. */
  spent: { inputTokens: number; outputTokens: number; calls: number }
  /** Limits asked for, in order. */
  limits: (number | undefined)[]
  close(): Promise<void>
}

/** Of English and JSON, about: a token more than most models count. */
const BYTES_PER_TOKEN = 3
const CHUNK = 'word '

interface Request {
  max_tokens?: number
  max_completion_tokens?: number
}

/**
 * A model server by the OpenAI chat completions protocol, streamed, that bills what it was sent and what it answered,
 * and answers as long as it is let.
 * @param share how much of the limit the n-th answer takes, from 0 to 1: at 1 it is cut off by it
 * @param options.refuse why it does not take a request (400)
 */
export async function startCountingModel(
  share: (call: number) => number,
  options: { delayMs?: number; refuse?: (request: Request) => string | undefined } = {},
): Promise<CountingModel> {
  const spent = { inputTokens: 0, outputTokens: 0, calls: 0 }
  const limits: CountingModel['limits'] = []
  const server = createServer(async (req, res) => {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const request = JSON.parse(body.toString('utf8')) as Request
    const asked = request.max_tokens ?? request.max_completion_tokens
    limits.push(asked)
    const refusal = options.refuse?.(request)
    if (refusal !== undefined) {
      res.writeHead(400, { 'content-type': 'application/json' })
      return void res.end(JSON.stringify({ error: { message: refusal } }))
    }
    const limit = asked ?? 128_000
    spent.calls += 1
    const input = Math.ceil(body.length / BYTES_PER_TOKEN)
    const output = Math.max(1, Math.floor(limit * share(spent.calls)))
    spent.inputTokens += input
    spent.outputTokens += output
    await sleep(options.delayMs ?? 5)
    const frame = (rest: object) =>
      res.write(
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', ...rest })}\n\n`,
      )
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    frame({ choices: [{ index: 0, delta: { role: 'assistant', content: CHUNK }, finish_reason: null }] })
    frame({ choices: [{ index: 0, delta: {}, finish_reason: output === limit ? 'length' : 'stop' }] })
    const usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
    frame({ choices: [], usage })
    res.end('data: [DONE]\n\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    spent,
    limits,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
