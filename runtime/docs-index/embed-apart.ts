import { type AppError, toAppError } from '../../core/errors.ts'
import type { Embedder } from './embedder.ts'
import { isAboutTexts } from './tell-outages.ts'

/** A text that every endpoint takes. */
const HARMLESS = 'documentation'

/**
 * Embeds texts. When they are refused although the endpoint takes others, those that are refused are told apart from
 * the rest, by halves. @returns a vector for each text, undefined where it is refused, and why
 * @throws AppError when the endpoint takes no text at all, or the run is cancelled
 */
export async function embedApart(
  embedder: Pick<Embedder, 'embed'>,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<{ made: (Float32Array | undefined)[]; why: AppError | undefined }> {
  const refusal = await refusalOf(embedder, texts, signal)
  if (!('error' in refusal)) return { made: refusal.made, why: undefined }
  // Is it these texts, or the endpoint? Then this fails too.
  await embedder.embed([HARMLESS], signal)
  if (texts.length === 1) {
    const again = await refusalOf(embedder, texts, signal)
    return 'error' in again ? { made: [undefined], why: again.error } : { made: again.made, why: undefined }
  }
  const half = Math.ceil(texts.length / 2)
  const first = await embedApart(embedder, texts.slice(0, half), signal)
  const rest = await embedApart(embedder, texts.slice(half), signal)
  return { made: [...first.made, ...rest.made], why: first.why ?? rest.why }
}

async function refusalOf(
  embedder: Pick<Embedder, 'embed'>,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<{ made: Float32Array[] } | { error: AppError }> {
  try {
    return { made: await embedder.embed(texts, signal) }
  } catch (cause) {
    const error = toAppError(cause)
    if (signal.aborted || !mayBeAboutTexts(error)) throw cause
    return { error }
  }
}

/** Statuses say it; so may a fault of its own (some fail at a text), and an answer that makes no sense. */
const mayBeAboutTexts = (error: AppError): boolean =>
  isAboutTexts(error) ||
  error.data?.status === 500 ||
  (error.code === 'upstream_error' && !error.retryable && error.data?.status === undefined)
