import { type AppError, toAppError } from '../../core/errors.ts'
import {
  claimEmbedding,
  countUnembedded,
  type DocVectors,
  insertEmbeddings,
  listUnembedded,
  releaseEmbedding,
  settleEmbedding,
  type UnembeddedChunk,
} from '../../db/doc-vectors.ts'
import type { Transactions } from './docs-index.ts'
import type { Embedder } from './embedder.ts'
import { isAboutTexts } from './tell-outages.ts'

/** Passages embedded and stored at a time: progress is told, and kept, between them. */
const BATCH = 16

export interface Meaning {
  vectors: DocVectors
  embedder: Embedder
}

export interface EmbedRun {
  signal: AbortSignal
  progress?: ((embedded: number, of: number) => void) | undefined
  /** It stops when this long has passed, between two batches; in milliseconds. */
  patienceMs: number
}

/**
 * Gives the passages of a source that lack them their embeddings, outside of any transaction, one process at a time.
 * What is done stays done. @returns how many lack one still, and why; `refused`: the endpoint does not take these texts
 * @throws AppError `cancelled` when the run is
 */
export async function embedSource(
  tenant: Transactions,
  { vectors, embedder }: Meaning,
  sourceId: string,
  run: EmbedRun,
): Promise<{ open: number; why: string | undefined; refused: boolean }> {
  const { id } = embedder
  const startedAt = performance.now()
  const openAtFirst = await tenant.read((tx) => countUnembedded(tx, sourceId, id))
  let claim: string | undefined
  let embedded = 0
  const left = async (why: string, refused = false) => {
    const held = claim
    return {
      ...{ why, refused },
      open: await tenant.transaction(async (tx) => {
        if (held !== undefined) await releaseEmbedding(tx, sourceId, held)
        return countUnembedded(tx, sourceId, id)
      }),
    }
  }
  for (;;) {
    const batch = await tenant.transaction(async (tx) => {
      claim = await claimEmbedding(tx, sourceId, claim)
      if (claim === undefined) return undefined
      const open = await listUnembedded(tx, sourceId, id, BATCH)
      if (open.length === 0) await settleEmbedding(tx, sourceId, id)
      return open
    })
    if (batch === undefined) return left('another call is embedding them.')
    if (batch.length === 0) return { open: 0, why: undefined, refused: false }
    if (performance.now() - startedAt > run.patienceMs) return left('that goes on in the background.')
    try {
      const found = await embedder.embed(batch.map(textOf), run.signal)
      const embeddings = batch.flatMap((chunk, at) => {
        const vector = found[at]
        return vector === undefined ? [] : [{ chunkId: chunk.id, vector }]
      })
      await tenant.transaction((tx) => insertEmbeddings(tx, vectors, id, embeddings))
    } catch (error) {
      const failed = toAppError(error)
      const rest = await left(failure(failed), isAboutTexts(failed))
      if (failed.code === 'internal' || run.signal.aborted) throw error
      return rest
    }
    embedded += batch.length
    run.progress?.(embedded, openAtFirst)
  }
}

const textOf = ({ breadcrumb, content }: UnembeddedChunk) => `${breadcrumb.join(' > ')}\n${content}`

const failure = ({ message }: AppError) => `${message} It is tried again in the background.`
