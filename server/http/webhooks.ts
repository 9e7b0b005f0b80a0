import type express from 'express'
import type { Ingest } from '../../runtime/triggers/ingest.ts'
import { readBytes } from './body.ts'
import { HttpError } from './problem.ts'

/**
 * Webhook ingress: `POST /webhooks/{trigger}`. Answers 202 once the event and its executions are kept, and a sender's question whether
 * the URL is right with 200; what
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
    const rawBody = await readBytes(req, maxBytes, () => tooLarge(maxBytes))
    const accepted = await ingest.accept(String(req.params.trigger), { headers, rawBody })
    if ('answer' in accepted) res.status(200).json(accepted.answer)
    else res.status(202).json(accepted)
  })
}

const tooLarge = (maxBytes: number) =>
  new HttpError(413, 'invalid_input', `A webhook body may have ${maxBytes} bytes at most.`, {
    where: 'body',
    hint: 'Send less, or raise PATCHBAY_MAX_WEBHOOK_BYTES.',
    data: { maxBytes },
  })
