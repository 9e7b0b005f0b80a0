import { type AppError, toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Embedder } from './embedder.ts'

/** Statuses about the texts that were sent; others are about the endpoint. */
const ABOUT_TEXTS = [400, 413, 422]
/** So many sources are remembered as told; then all are forgotten, and told once more. */
const MAX_TOLD = 1_000

/** Would it fail with these texts whenever it is asked, and not with others? */
export const isAboutTexts = ({ data }: AppError): boolean => ABOUT_TEXTS.includes(Number(data?.status))

/** The embedder, which tells the log when none can be made, once however often it is asked, and once when they are made again. */
export function tellOutages(embedder: Embedder, log: Pick<Logger, 'info' | 'warn'>): Embedder {
  /** Since when none are made; undefined: they are. */
  let since: number | undefined
  return {
    ...embedder,
    embed: async (texts, signal) => {
      const begun = performance.now()
      try {
        const vectors = await embedder.embed(texts, signal)
        // One that was under way when it went away does not say that it is back.
        if (since !== undefined && begun >= since) {
          since = undefined
          log.info({ embedder: embedder.id }, 'embeddings are made again')
        }
        return vectors
      } catch (cause) {
        const error = toAppError(cause)
        const told = since !== undefined || signal.aborted || error.code === 'internal' || isAboutTexts(error)
        if (!told) {
          since = performance.now()
          log.warn(
            { embedder: embedder.id, err: error.message, hint: error.hint },
            'no embeddings can be made: passages are found by their words alone until they can',
          )
        }
        throw cause
      }
    },
  }
}

/** Tells the log of each source with passages the endpoint refuses, once. */
export function refusalTeller(
  log: Pick<Logger, 'warn'>,
): (refused: readonly { sourceId: string; open: number; why: string }[]) => void {
  const told = new Set<string>()
  return (refused) => {
    for (const one of refused) {
      if (told.has(one.sourceId)) continue
      if (told.size >= MAX_TOLD) told.clear()
      told.add(one.sourceId)
      log.warn(one, 'passages without an embedding: the endpoint refuses them')
    }
  }
}
