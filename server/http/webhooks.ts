import type { IncomingMessage } from 'node:http'
import type express from 'express'
import type { Ingest } from '../../runtime/triggers/ingest.ts'
import { HttpError } from './problem.ts'

/** Reads a body whole, giving up as soon as it is longer than it may be. */
export async function readRawBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new HttpError(413, 'invalid_input', `A webhook body may have ${maxBytes} bytes at most.`, {
      where: 'body',
      hint: 'Send less, or raise PATCHBAY_MAX_WEBHOOK_BYTES.',
      data: { maxBytes },
    })
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of req) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/**
 * Webhook ingress: `POST /webhooks/{trigger}`. Answers 202 once the event and its executions are kept; what
 * is refused says why in a problem document.
 */
export function mountWebhooks(app: express.Express, ingest: Ingest, maxBytes: number): void {
  app.post('/webhooks/:trigger', async (req, res) => {
    const headers = Object.fromEntries(
      Object.entries(req.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    )
    try {
      const accepted = await ingest.accept(String(req.params.trigger), {
        headers,
        rawBody: await readRawBody(req, maxBytes),
      })
      res.status(202).json(accepted)
    } catch (error) {
      // What is left of the body is read and thrown away: a sender still writing would not see the answer.
      req.resume()
      throw error
    }
  })
}
