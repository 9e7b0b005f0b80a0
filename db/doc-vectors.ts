import type { ClientBase } from 'pg'
import type { Database, Tx } from './database.ts'
import type { DocScope } from './doc-index.ts'

/** Where pgvector is, when this database has it. */
export interface DocVectors {
  /** Schema its types and operators are in, quoted. */
  schema: string
  /** Can its index look on until enough rows pass the filter? (pgvector 0.8) */
  iterates: boolean
}

/** HNSW of pgvector indexes vectors no longer than this. */
const MAX_INDEXED_LENGTH = 2000

/**
 * Makes the table of embeddings, where the database has pgvector or may install it; runs at start, as its owner.
 * `lengths` are those of the vectors to come: each gets an index; others are compared one by one.
 */
export async function prepareDocVectors(client: ClientBase, lengths: readonly number[]): Promise<void> {
  const indexed = lengths.filter((length) => length <= MAX_INDEXED_LENGTH)
  await client.query('BEGIN')
  try {
    // Processes that start together must not both make it.
    await client.query('SELECT pg_advisory_xact_lock(7241936)')
    await client.query('SELECT patchbay.prepare_doc_vectors($1)', [indexed])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** Where pgvector is in this database; undefined: it has none. */
export const findDocVectors = (db: Pick<Database, 'system'>): Promise<DocVectors | undefined> =>
  db.system(async (tx) =>
    vectorsOf(
      await tx.row<{ extension_schema: string; extension_version: string }>(
        `SELECT n.nspname AS extension_schema, e.extversion AS extension_version FROM pg_extension e
         JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector' AND to_regclass('patchbay.doc_embeddings') IS NOT NULL`,
      ),
    ),
  )

function vectorsOf(
  row: { extension_schema: string; extension_version: string } | undefined,
): DocVectors | undefined {
  if (row === undefined) return undefined
  const [major = 0, minor = 0] = row.extension_version.split('.').map(Number)
  return {
    schema: `"${row.extension_schema.replaceAll('"', '""')}"`,
    iterates: major > 0 || minor >= 8,
  }
}

const asVector = (vector: Float32Array) => `[${vector.join(',')}]`

/** A chunk as it is embedded. */
export interface UnembeddedChunk {
  id: string
  breadcrumb: string[]
  content: string
}

/** A model, and how long its vectors are; undefined: of any length. */
export interface VectorsOf {
  embedder: string
  length: number | undefined
}

const UNEMBEDDED = `FROM doc_chunks c WHERE c.source_id = $1
  AND NOT EXISTS (SELECT FROM doc_embeddings e WHERE e.chunk_id = c.id AND e.embedder = $2 AND ($3::int IS NULL OR e.length = $3))`

/** Chunks of a source that have no embedding of this model and were not refused by it, in their order. */
export const listUnembedded = (tx: Tx, sourceId: string, { embedder, length }: VectorsOf, limit: number) =>
  tx.rows<UnembeddedChunk>(
    `SELECT c.id, c.breadcrumb, c.content ${UNEMBEDDED} AND c.embedding_refused_by IS DISTINCT FROM $2
     ORDER BY c.position LIMIT $4`,
    [sourceId, embedder, length ?? null, limit],
  )

/** How many chunks of a source have no embedding of this model, refused ones too. */
export const countUnembedded = async (
  tx: Tx,
  sourceId: string,
  { embedder, length }: VectorsOf,
): Promise<number> =>
  (
    await tx.row<{ count: number }>(`SELECT count(*)::int AS count ${UNEMBEDDED}`, [
      sourceId,
      embedder,
      length ?? null,
    ])
  )?.count ?? 0

/** Keeps which chunks the model refused. */
export const refuseChunks = (tx: Tx, embedder: string, chunkIds: readonly string[]) =>
  tx.run('UPDATE doc_chunks SET embedding_refused_by = $1 WHERE id = ANY ($2)', [embedder, chunkIds])

/** Keeps embeddings; of chunks that are gone by now, none. */
export const insertEmbeddings = (
  tx: Tx,
  { schema }: DocVectors,
  embedder: string,
  embeddings: readonly { chunkId: string; vector: Float32Array }[],
) =>
  tx.run(
    `INSERT INTO doc_embeddings (chunk_id, organization_id, connector_id, embedder, length, embedding)
     SELECT c.id, c.organization_id, c.connector_id, $3, $4, v.embedding::${schema}.vector
     FROM unnest($1::text[], $2::text[]) AS v (chunk_id, embedding) JOIN doc_chunks c ON c.id = v.chunk_id
     ON CONFLICT (chunk_id, embedder) DO UPDATE SET length = excluded.length, embedding = excluded.embedding`,
    [
      embeddings.map(({ chunkId }) => chunkId),
      embeddings.map(({ vector }) => asVector(vector)),
      embedder,
      embeddings[0]?.vector.length ?? 0,
    ],
  )

/** A process that embeds a source says so for this long at a time. */
const CLAIM_SECONDS = 120

/**
 * Claims a source for one process to embed, or goes on claiming it (`claim`: what the last call gave); its row is
 * locked until the end of the transaction. @returns undefined: another has it, or it is gone
 */
export const claimEmbedding = async (
  tx: Tx,
  sourceId: string,
  claim: string | undefined,
): Promise<string | undefined> =>
  (
    await tx.row<{ claim: string }>(
      `UPDATE doc_sources SET embedding_until = clock_timestamp() + make_interval(secs => $2)
       WHERE id = $1 AND (embedding_until IS NULL OR embedding_until < clock_timestamp() OR embedding_until::text = $3)
       RETURNING embedding_until::text AS claim`,
      [sourceId, CLAIM_SECONDS, claim ?? null],
    )
  )?.claim

export const releaseEmbedding = (tx: Tx, sourceId: string, claim: string) =>
  tx.run('UPDATE doc_sources SET embedding_until = NULL WHERE id = $1 AND embedding_until::text = $2', [
    sourceId,
    claim,
  ])

/** Every chunk of the source that can have one has an embedding of this model: other ones take room for nothing. */
export async function settleEmbedding(
  tx: Tx,
  sourceId: string,
  { embedder, length }: VectorsOf,
): Promise<void> {
  await tx.run(
    `DELETE FROM doc_embeddings e USING doc_chunks c
     WHERE c.id = e.chunk_id AND c.source_id = $1 AND (e.embedder <> $2 OR e.length <> $3)`,
    [sourceId, embedder, length ?? null],
  )
  await tx.run(
    `UPDATE doc_sources SET embedded_by = $2, embedding_until = NULL, embedded_length = (
       SELECT max(e.length) FROM doc_embeddings e JOIN doc_chunks c ON c.id = e.chunk_id WHERE c.source_id = $1)
     WHERE id = $1`,
    [sourceId, embedder],
  )
}

/** Sources, of all organizations, that wait for embeddings of this model and that nobody embeds; a few, any. */
export const listUnsettledSources = (
  db: Pick<Database, 'system'>,
  { embedder, length }: VectorsOf,
  limit: number,
) =>
  db.system((tx) =>
    tx.rows<{ id: string; organization_id: string }>(
      `SELECT id, organization_id FROM doc_sources
       WHERE (embedded_by IS DISTINCT FROM $1 OR embedded_length <> $2::int)
         AND (embedding_until IS NULL OR embedding_until < clock_timestamp())
       ORDER BY random() LIMIT $3`,
      [embedder, length ?? null, limit],
    ),
  )

/** Is a source embedded by another model, or with vectors of another length? */
export const hasOtherVectors = async (
  tx: Tx,
  { embedder, length }: VectorsOf,
  connectorId: string | null,
): Promise<boolean> =>
  (await tx.row(
    `SELECT FROM doc_sources WHERE (embedded_by <> $1 OR embedded_length <> $2::int)
       AND ($3::text IS NULL OR connector_id = $3) LIMIT 1`,
    [embedder, length ?? null, connectorId],
  )) !== undefined

/** A process says which model it has each half minute; one not heard of for this long is gone. */
const GONE_SECONDS = 300

/**
 * Says that there is a process with this model (`starts`: as of now).
 * @returns the model to embed with in the background: that of the process that started last, of those that are there
 */
export const announceEmbedder = (
  db: Pick<Database, 'system'>,
  embedder: string,
  starts: boolean,
): Promise<string> =>
  db.system(async (tx) => {
    await tx.run(
      `INSERT INTO doc_embedders AS d (embedder, started_at, seen_at) VALUES ($1, clock_timestamp(), clock_timestamp())
       ON CONFLICT (embedder) DO UPDATE SET seen_at = excluded.seen_at,
         started_at = CASE WHEN $2::boolean THEN excluded.started_at ELSE d.started_at END`,
      [embedder, starts],
    )
    const last = await tx.row<{ embedder: string }>(
      `SELECT embedder FROM doc_embedders WHERE seen_at > clock_timestamp() - make_interval(secs => $1)
       ORDER BY started_at DESC LIMIT 1`,
      [GONE_SECONDS],
    )
    return last?.embedder ?? embedder
  })

/** So many rows are looked at for each one wanted: where the index does not look on, others' are left out of them. */
const LOOKED_AT = 4

/** Ids of the chunks nearest in meaning, the nearest first. */
export async function nearestChunks(
  tx: Tx,
  { schema, iterates }: DocVectors,
  query: DocScope & { vector: Float32Array; embedder: string; limit: number },
): Promise<string[]> {
  // The index gives its nearest before rows of others are left out: it must look on until there are enough.
  if (iterates) await tx.run("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
  await tx.run(`SET LOCAL hnsw.ef_search = ${Math.trunc(query.limit * LOOKED_AT)}`)
  const length = Math.trunc(query.vector.length)
  const distance = `(embedding::${schema}.vector(${length})) OPERATOR(${schema}.<=>) $1::${schema}.vector`
  const rows = await tx.rows<{ chunk_id: string }>(
    // The index looks on in no strict order.
    `SELECT chunk_id FROM (
       SELECT chunk_id, ${distance} AS distance FROM doc_embeddings
       WHERE length = ${length} AND embedder = $2 AND ($3::text IS NULL OR connector_id = $3)
         AND ($5::text[] IS NULL OR chunk_id IN (SELECT id FROM doc_chunks WHERE source_id = ANY ($5)))
       ORDER BY ${distance} LIMIT $4) near
     ORDER BY near.distance`,
    [asVector(query.vector), query.embedder, query.connectorId, query.limit, query.sourceIds],
  )
  return rows.map(({ chunk_id }) => chunk_id)
}
