import type { ClientBase } from 'pg'
import type { Database, Tx } from './database.ts'

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

/** Ids of chunks of a source that have an embedding of this model. */
export const listEmbedded = async (tx: Tx, sourceId: string, embedder: string): Promise<string[]> =>
  (
    await tx.rows<{ chunk_id: string }>(
      `SELECT DISTINCT e.chunk_id FROM doc_embeddings e JOIN doc_chunks c ON c.id = e.chunk_id WHERE c.source_id = $1 AND e.embedder = $2`,
      [sourceId, embedder],
    )
  ).map(({ chunk_id }) => chunk_id)

/** Keeps embeddings; of chunks that are gone by now, none. */
export const insertEmbeddings = (
  tx: Tx,
  { schema }: DocVectors,
  embedder: string,
  embeddings: readonly { chunkId: string; span: number; vector: Float32Array }[],
) =>
  tx.run(
    `INSERT INTO doc_embeddings (chunk_id, organization_id, connector_id, embedder, span, length, embedding)
     SELECT c.id, c.organization_id, c.connector_id, $3, v.span, $4, v.embedding::${schema}.vector
     FROM unnest($1::text[], $2::text[], $5::smallint[]) AS v (chunk_id, embedding, span) JOIN doc_chunks c ON c.id = v.chunk_id
     ON CONFLICT (chunk_id, embedder, span) DO UPDATE SET length = excluded.length, embedding = excluded.embedding`,
    [
      embeddings.map(({ chunkId }) => chunkId),
      embeddings.map(({ vector }) => asVector(vector)),
      embedder,
      embeddings[0]?.vector.length ?? 0,
      embeddings.map(({ span }) => span),
    ],
  )

/** Embeddings of other models: those of a model no longer used take room for nothing. */
export const deleteOtherEmbeddings = (tx: Tx, sourceId: string, embedder: string) =>
  tx.run(
    `DELETE FROM doc_embeddings e USING doc_chunks c WHERE c.id = e.chunk_id AND c.source_id = $1 AND e.embedder <> $2`,
    [sourceId, embedder],
  )

/** So many of the nearest are looked at for each chunk wanted: several may be of one. */
const SPANS_PER_CHUNK = 4

/** Ids of the chunks nearest in meaning, the nearest first. */
export async function nearestChunks(
  tx: Tx,
  { schema, iterates }: DocVectors,
  query: { vector: Float32Array; embedder: string; connectorId: string | null; limit: number },
): Promise<string[]> {
  // The index gives its nearest before rows of others are left out: it must look on until there are enough.
  if (iterates) await tx.run("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
  await tx.run(`SET LOCAL hnsw.ef_search = ${Math.trunc(query.limit * SPANS_PER_CHUNK)}`)
  const length = Math.trunc(query.vector.length)
  const rows = await tx.rows<{ chunk_id: string }>(
    `SELECT chunk_id FROM (
       SELECT chunk_id, (embedding::${schema}.vector(${length})) OPERATOR(${schema}.<=>) $1::${schema}.vector AS distance FROM doc_embeddings
       WHERE length = ${length} AND embedder = $2 AND ($3::text IS NULL OR connector_id = $3)
       ORDER BY (embedding::${schema}.vector(${length})) OPERATOR(${schema}.<=>) $1::${schema}.vector LIMIT $4) near
     GROUP BY chunk_id ORDER BY min(distance) LIMIT $5`,
    [asVector(query.vector), query.embedder, query.connectorId, query.limit * SPANS_PER_CHUNK, query.limit],
  )
  return rows.map(({ chunk_id }) => chunk_id)
}
