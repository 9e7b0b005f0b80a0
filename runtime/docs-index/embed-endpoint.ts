import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { retryAfter } from '../connectors/retry-after.ts'
import { buildHttpClient } from '../http/client.ts'
import type { Embedder } from './embedder.ts'

const TIMEOUT_MS = 60_000
const MAX_ANSWER_BYTES = 32 * 1024 * 1024
/** Endpoints commonly take 8192 tokens; a chunk is far shorter. */
const MAX_TEXT_CHARS = 8000

const Answer = z.object({
  data: z.array(
    z.object({ index: z.number().int().min(0), embedding: z.array(z.number()).min(1).max(16_000) }),
  ),
})

export interface EndpointSettings {
  /** Below which `/embeddings` answers, such as https://api.openai.com/v1. */
  baseUrl: string
  model: string
  apiKey: string | undefined
  /** Asked for, of models that can shorten their vectors. */
  dimensions?: number | undefined
}

/** Any endpoint that speaks OpenAI's `POST /embeddings`, hosted or local. */
export function buildEndpointEmbedder({ baseUrl, model, apiKey, dimensions }: EndpointSettings): Embedder {
  // The operator chose the address, so a private one is allowed here and nowhere else.
  const http = buildHttpClient({ allowedPrivateHosts: [new URL(baseUrl).host, new URL(baseUrl).hostname] })
  const url = `${baseUrl.replace(/\/+$/, '')}/embeddings`
  return {
    id: `${model}${dimensions === undefined ? '' : `/${dimensions}`}@${new URL(baseUrl).host}`,
    length: dimensions,
    embed: async (texts, signal) => {
      const response = await http.request(
        {
          method: 'POST',
          url,
          headers: {
            'content-type': 'application/json',
            ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          },
          body: JSON.stringify({
            model,
            input: texts.map((text) => text.slice(0, MAX_TEXT_CHARS)),
            encoding_format: 'float',
            ...(dimensions === undefined ? {} : { dimensions }),
          }),
          timeoutMs: TIMEOUT_MS,
          maxResponseBytes: MAX_ANSWER_BYTES,
        },
        signal,
      )
      if (response.status !== 200) throw refused(response.status, response.headers['retry-after'])
      return vectorsOf(new TextDecoder().decode(response.body), texts.length, dimensions)
    },
    close: () => http.close(),
  }
}

function vectorsOf(text: string, count: number, dimensions: number | undefined): Float32Array[] {
  const parsed = Answer.safeParse(jsonOf(text))
  const sorted = parsed.data?.data.toSorted((a, b) => a.index - b.index) ?? []
  const length = dimensions ?? sorted[0]?.embedding.length
  const vectors = sorted.map(({ embedding }) => Float32Array.from(embedding))
  if (
    sorted.length !== count ||
    sorted.some(({ index, embedding }, at) => index !== at || embedding.length !== length) ||
    // A number that is finite may be too large for a vector of single precision.
    vectors.some((vector) => !vector.every(Number.isFinite))
  ) {
    throw new AppError(
      'upstream_error',
      'The embeddings endpoint gave something else than one vector per text.',
      {
        where: 'PATCHBAY_EMBEDDING_BASE_URL',
        hint: 'Check that the address speaks OpenAI’s /embeddings, and PATCHBAY_EMBEDDING_DIMENSIONS.',
        retryable: false,
      },
    )
  }
  return vectors
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // refused as any other answer that does not fit
  }
}

function refused(status: number, wait: string | undefined): AppError {
  const seconds = retryAfter(wait, Date.now())
  return new AppError('upstream_error', `The embeddings endpoint answered with status ${status}.`, {
    where: 'PATCHBAY_EMBEDDING_BASE_URL',
    hint:
      status === 401 || status === 403
        ? 'Check PATCHBAY_EMBEDDING_API_KEY.'
        : 'Check the address and PATCHBAY_EMBEDDING_MODEL, or try again later.',
    retryable: status === 429 || status >= 500,
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    data: { status },
  })
}
