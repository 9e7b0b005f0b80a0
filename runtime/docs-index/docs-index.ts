import { createHash } from 'node:crypto'
import { invalidInput, toAppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import type { Database, Tx } from '../../db/database.ts'
import {
  type DocChunkRow,
  type DocScope,
  type DocSourceKey,
  deleteOtherChunks,
  getChunks,
  listChunkHashes,
  matchChunks,
  type NewDocChunk,
  upsertChunks,
  upsertDocSource,
} from '../../db/doc-index.ts'
import {
  type DocVectors,
  hasOtherVectors,
  listUnsettledSources,
  nearestChunks,
} from '../../db/doc-vectors.ts'
import { type ChunkSizes, chunkDocument, defaultChunkSizes } from './chunk.ts'
import { cleanText, type DocDocument } from './document.ts'
import { type EmbedRun, embedSource } from './embed-source.ts'
import type { Embedder } from './embedder.ts'
import { firstOfEach, fuseRankings } from './fuse.ts'
import { buildMeaning, type Meaning } from './meaning.ts'
import { identifierParts, termsOf } from './words.ts'

/** The caller's short transactions; none is open while texts are embedded. */
export interface Transactions {
  read<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
}

export interface DocSourceInput extends DocSourceKey {
  title: string
  url: string | null
}

export interface Indexed {
  sourceId: string
  chunks: number
  added: number
  kept: number
  removed: number
  /** Chunks with an embedding now; fewer than `chunks` when there is no pgvector, or the model failed. */
  embedded: number
  /** What a reader should know: no vectors, and why. */
  notes: string[]
}

/** `fused` asks both ways; the others are for measuring. */
export type Retrieval = 'fused' | 'full_text' | 'vector'

export interface DocsIndex {
  /** Does it find by meaning too? */
  describe(): { retrieval: 'fused' | 'full_text'; embedder: string | null; note: string | null }
  /**
   * Indexes documents as one source, in place of what it had. Chunks that are unchanged keep their ids and embeddings.
   * @throws AppError `invalid_input` when there is nothing, or too much, to index
   */
  index(
    tenant: Transactions,
    organizationId: string,
    source: DocSourceInput,
    documents: readonly DocDocument[],
    run: Pick<EmbedRun, 'signal'> & Partial<EmbedRun>,
  ): Promise<Indexed>
  /** The passages that answer best, best first; of a section one, as long as there are others. */
  search(
    tenant: Pick<Transactions, 'read'>,
    query: DocScope & { query: string; limit: number; retrieval?: Retrieval },
    signal: AbortSignal,
  ): Promise<{ passages: DocChunkRow[]; note: string | null }>
  /**
   * Embeds what has no embedding yet, of all organizations: a call's time was up, an endpoint was away, a process was
   * killed, or the model is another since; nothing, while a process that started later has another model. @returns the sources with passages the endpoint refuses, and why: another round
   *   does not help there
   */
  embedRest(db: Database, signal: AbortSignal): Promise<{ sourceId: string; open: number; why: string }[]>
  /**
   * Says which model this process has: of several the one of the process that started last embeds in the background.
   * To be said at the start, and each half minute.
   */
  announce(db: Database): Promise<void>
  close(): Promise<void>
}

export const MAX_SOURCE_CHUNKS = 10_000
const STORED_AT_ONCE = 500
/** Of each ranking, how many are fused. */
const CANDIDATES = 50
/** A call waits this long for embeddings; the rest is made in the background. */
const PATIENCE_MS = 60_000
/** Sources looked after in a round of `embedRest`. */
const ROUND = 20

const NO_PGVECTOR =
  'The database has no pgvector: passages are found by their words alone, not by meaning. Install the extension and restart to have both.'
const OTHER_VECTORS =
  'Some passages have embeddings that cannot be compared with this question’s (another model made them, or this one when its vectors had another length): until they are embedded again, in the background, those are found by their words alone.'
const NO_EMBEDDER = 'Embeddings are turned off: passages are found by their words alone, not by meaning.'

/** The index of API documentation: chunks in Postgres, found by words and by meaning. */
export function buildDocsIndex(options: {
  /** Where pgvector is; undefined: the database has none. */
  vectors: DocVectors | undefined
  /** Undefined: turned off. */
  embedder: Embedder | undefined
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  sizes?: ChunkSizes
}): DocsIndex {
  const { vectors, embedder, log, sizes = defaultChunkSizes } = options
  const meaning: Meaning | undefined =
    vectors === undefined || embedder === undefined ? undefined : buildMeaning(vectors, embedder, log)
  /** Sources that failed unexpectedly, told once. */
  const broken = new Set<string>()
  const missing = vectors === undefined ? NO_PGVECTOR : NO_EMBEDDER

  return {
    describe: () => ({
      retrieval: meaning === undefined ? 'full_text' : 'fused',
      embedder: meaning?.embedder.id ?? null,
      note: meaning === undefined ? missing : null,
    }),

    index: async (tenant, organizationId, source, documents, run) => {
      const chunks = toChunks(documents, sizes)
      const hashes = chunks.map(({ hash }) => hash)
      const stored = await tenant.transaction(async (tx) => {
        const sourceId = await upsertDocSource(tx, {
          ...source,
          id: newId('docSource'),
          organizationId,
          pages: documents.length,
        })
        const had = (await listChunkHashes(tx, sourceId)).length
        const removed = await deleteOtherChunks(tx, sourceId, hashes)
        for (let at = 0; at < chunks.length; at += STORED_AT_ONCE) {
          const { connectorId } = source
          await upsertChunks(
            tx,
            { id: sourceId, organizationId, connectorId },
            chunks.slice(at, at + STORED_AT_ONCE),
          )
        }
        const kept = had - removed
        return { sourceId, removed, kept, added: chunks.length - kept }
      })
      if (meaning === undefined) return { ...stored, chunks: chunks.length, embedded: 0, notes: [missing] }
      const { open, why } = await embedSource(tenant, meaning, stored.sourceId, {
        patienceMs: PATIENCE_MS,
        ...run,
      })
      const notes =
        why === undefined ? [] : [`${open} passage(s) are found by their words only so far: ${why}`]
      return { ...stored, chunks: chunks.length, embedded: chunks.length - open, notes }
    },

    search: async (tenant, { query, connectorId, sourceIds, limit, retrieval = 'fused' }, signal) => {
      const terms = termsOf(query)
      let note = meaning === undefined ? missing : null
      let vector: Float32Array | undefined
      if (meaning !== undefined && retrieval !== 'full_text') {
        try {
          vector = (await meaning.embedder.embed([query], signal))[0]
        } catch (error) {
          const failed = toAppError(error)
          if (failed.code === 'internal' || signal.aborted) throw error
          note = `Passages are found by their words alone this time: ${failed.message}`
        }
      }
      const passages = await tenant.read(async (tx) => {
        const asked = { connectorId, sourceIds, limit: CANDIDATES }
        const rankings: string[][] = []
        if (retrieval !== 'vector' && terms.length > 0)
          rankings.push(await matchChunks(tx, { ...asked, terms }))
        if (meaning !== undefined && vector !== undefined) {
          const embedder = meaning.embedder.id
          rankings.push(await nearestChunks(tx, meaning.vectors, { ...asked, vector, embedder }))
          if (await hasOtherVectors(tx, { embedder, length: vector.length }, connectorId))
            note = OTHER_VECTORS
        }
        const ids = fuseRankings(rankings).slice(0, CANDIDATES)
        const rows = new Map((await getChunks(tx, ids)).map((row) => [row.id, row]))
        const found = ids.flatMap((id) => rows.get(id) ?? [])
        return firstOfEach(found, sectionOf).slice(0, limit)
      })
      return { passages, note }
    },

    embedRest: async (db, signal) => {
      if (meaning === undefined) return []
      await meaning.announce(db)
      const left: { sourceId: string; open: number; why: string }[] = []
      for (const { id, organization_id } of await listUnsettledSources(db, meaning.made(), ROUND)) {
        if (signal.aborted || meaning.other() !== undefined) break
        const scope = { organizationId: organization_id, customerIds: null }
        const tenant: Transactions = {
          read: (fn) => db.read(scope, fn),
          transaction: (fn) => db.tenant(scope, fn),
        }
        try {
          const rest = await embedSource(tenant, meaning, id, { signal, patienceMs: Infinity })
          const { open, why, refused } = rest
          broken.delete(id)
          if (why !== undefined && refused) left.push({ sourceId: id, open, why })
        } catch (err) {
          // One that cannot be embedded must not keep the others from it.
          if (signal.aborted || broken.has(id)) continue
          broken.add(id)
          log.error({ sourceId: id, err }, 'a source could not be embedded; it is tried again')
        }
      }
      return left
    },

    announce: async (db) => meaning?.announce(db),

    close: async () => embedder?.close(),
  }
}

const sectionOf = ({ source_id, url, breadcrumb }: DocChunkRow) =>
  JSON.stringify([source_id, url, breadcrumb])

/** Of all documents; passages that are the same (same place, same words) once. */
function toChunks(documents: readonly DocDocument[], sizes: ChunkSizes): NewDocChunk[] {
  const chunks = new Map<string, NewDocChunk>()
  for (const [page, document] of documents.entries()) {
    for (const { breadcrumb, anchor, content: raw } of chunkDocument(document, sizes)) {
      const content = cleanText(raw)
      const hash = createHash('sha256')
        .update(JSON.stringify([breadcrumb, content]))
        .digest('hex')
      if (content === '' || chunks.has(hash)) continue
      chunks.set(hash, {
        id: newId('docChunk'),
        hash,
        page,
        position: chunks.size,
        url: document.url === null ? null : withAnchor(document.url, anchor),
        breadcrumb,
        content,
        parts: identifierParts(`${breadcrumb.join(' ')} ${content}`),
      })
      if (chunks.size > MAX_SOURCE_CHUNKS) {
        throw invalidInput(`The source has more than ${MAX_SOURCE_CHUNKS} passages.`, {
          hint: 'Index it in parts: fewer pages at a time, or one text per topic.',
        })
      }
    }
  }
  if (chunks.size === 0) {
    throw invalidInput(
      'There is nothing to index: no text is left once markup, scripts and navigation are gone.',
      {
        hint: 'A page that a script fills in has no text of its own; give its text, its Markdown, or the API description.',
      },
    )
  }
  return [...chunks.values()]
}

const withAnchor = (url: string, anchor: string | null) =>
  anchor === null ? url : `${url.replace(/#.*$/, '')}#${encodeURIComponent(anchor)}`
