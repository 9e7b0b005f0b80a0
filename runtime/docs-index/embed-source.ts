import { type AppError, toAppError } from '../../core/errors.ts'
import {
  claimEmbedding,
  countUnembedded,
  insertEmbeddings,
  listUnembedded,
  refuseChunks,
  releaseEmbedding,
  settleEmbedding,
  type UnembeddedChunk,
} from '../../db/doc-vectors.ts'
import type { Transactions } from './docs-index.ts'
import { embedApart } from './embed-apart.ts'
import type { Meaning } from './meaning.ts'
import { isAboutTexts } from './tell-outages.ts'

/** Passages embedded and stored at a time: progress is told, and kept, between them. */
const BATCH = 16

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
  meaning: Meaning,
  sourceId: string,
  run: EmbedRun,
): Promise<{ open: number; why: string | undefined; refused: boolean }> {
  const { vectors, embedder } = meaning
  const { id } = embedder
  const startedAt = performance.now()
  const openAtFirst = await tenant.read((tx) => countUnembedded(tx, sourceId, meaning.made()))
  const mayHave = oneChangeOfLength()
  let claim: string | undefined
  let embedded = 0
  let refusal: AppError | undefined
  const left = async (why: string, refused = false) => {
    const held = claim
    return {
      ...{ why, refused },
      open: await tenant.transaction(async (tx) => {
        if (held !== undefined) await releaseEmbedding(tx, sourceId, held)
        return countUnembedded(tx, sourceId, meaning.made())
      }),
    }
  }
  for (;;) {
    const other = meaning.other()
    if (other !== undefined) return left(`a server that started later embeds them, with ${other}.`)
    const made = meaning.made()
    const batch = await tenant.transaction(async (tx) => {
      claim = await claimEmbedding(tx, sourceId, claim)
      if (claim === undefined) return undefined
      const chunks = await listUnembedded(tx, sourceId, made, BATCH)
      if (chunks.length > 0) return { chunks, open: 0 }
      await settleEmbedding(tx, sourceId, made)
      return { chunks, open: await countUnembedded(tx, sourceId, made) }
    })
    if (batch === undefined) return left('another call is embedding them.')
    const { chunks, open } = batch
    if (chunks.length === 0)
      return { open, why: open === 0 ? undefined : refusedFor(refusal), refused: open > 0 }
    if (performance.now() - startedAt > run.patienceMs) return left('that goes on in the background.')
    try {
      const found = await embedApart(embedder, chunks.map(textOf), run.signal)
      refusal ??= found.why
      const embeddings = chunks.flatMap((chunk, at) => {
        const vector = found.made[at]
        return vector === undefined ? [] : [{ chunkId: chunk.id, vector }]
      })
      if (!embeddings.every(({ vector }) => mayHave(vector.length))) return left(TWO_LENGTHS, true)
      const refused = chunks.filter((_, at) => found.made[at] === undefined)
      await tenant.transaction(async (tx) => {
        if (embeddings.length > 0) await insertEmbeddings(tx, vectors, id, embeddings)
        if (refused.length > 0)
          await refuseChunks(
            tx,
            id,
            refused.map((chunk) => chunk.id),
          )
      })
    } catch (error) {
      const failed = toAppError(error)
      const rest = await left(failure(failed), isAboutTexts(failed))
      if (failed.code === 'internal' || run.signal.aborted) throw error
      return rest
    }
    embedded += chunks.length
    run.progress?.(Math.min(embedded, openAtFirst), openAtFirst)
  }
}

const textOf = ({ breadcrumb, content }: UnembeddedChunk) => `${breadcrumb.join(' > ')}\n${content}`

const failure = ({ message }: AppError) => `${message} It is tried again in the background.`
const refusedFor = (refusal: AppError | undefined) =>
  `the embedding model refuses them${refusal === undefined ? '' : ` (${refusal.message})`}. Index again to have them tried again.`

const TWO_LENGTHS =
  'the embedding model gives vectors of one length and of another. Check that one model answers at PATCHBAY_EMBEDDING_BASE_URL, or set PATCHBAY_EMBEDDING_DIMENSIONS.'

/** A model may come to give vectors of another length, and what it made before is made again; but not for ever. */
function oneChangeOfLength(): (length: number) => boolean {
  const seen: number[] = []
  return (length) => {
    if (seen.at(-1) !== length) seen.push(length)
    return seen.length <= 2
  }
}
