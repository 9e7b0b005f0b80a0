import type { Tx } from './database.ts'

export type DocSourceKind = 'text' | 'url' | 'connector'

export interface DocSourceRow {
  id: string
  connector_id: string | null
  /** Slug of the connector. */
  connector: string | null
  kind: DocSourceKind
  name: string
  title: string
  url: string | null
  pages: number
  chunks: number
  indexed_at: Date
  created_at: Date
}

const SOURCE_COLUMNS = `s.id, s.connector_id, c.slug AS connector, s.kind, s.name, s.title, s.url, s.pages,
  (SELECT count(*)::int FROM doc_chunks d WHERE d.source_id = s.id) AS chunks, s.indexed_at, s.created_at`
const SOURCES = `FROM doc_sources s LEFT JOIN connectors c ON c.id = s.connector_id`

/** What names a source within its organization. */
export interface DocSourceKey {
  connectorId: string | null
  kind: DocSourceKind
  name: string
}

export const getDocSource = (tx: Tx, id: string) =>
  tx.row<DocSourceRow>(`SELECT ${SOURCE_COLUMNS} ${SOURCES} WHERE s.id = $1`, [id])

export const listDocSources = (
  tx: Tx,
  page: { connectorId: string | null; cursor: string | null; limit: number },
) =>
  tx.rows<DocSourceRow>(
    `SELECT ${SOURCE_COLUMNS} ${SOURCES}
     WHERE ($1::text IS NULL OR s.connector_id = $1) AND ($2::text IS NULL OR s.id < $2) ORDER BY s.id DESC LIMIT $3`,
    [page.connectorId, page.cursor, page.limit],
  )

/** Makes the source, or says when it was indexed anew; locked until the end of the transaction. @returns its id */
export async function upsertDocSource(
  tx: Tx,
  source: DocSourceKey & {
    id: string
    organizationId: string
    title: string
    url: string | null
    pages: number
  },
): Promise<string> {
  const row = await tx.row<{ id: string }>(
    `INSERT INTO doc_sources (id, organization_id, connector_id, kind, name, title, url, pages)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (organization_id, connector_id, kind, name)
     DO UPDATE SET title = excluded.title, url = excluded.url, pages = excluded.pages, indexed_at = now(), embedded_by = NULL RETURNING id`,
    [
      source.id,
      source.organizationId,
      source.connectorId,
      source.kind,
      source.name,
      source.title,
      source.url,
      source.pages,
    ],
  )
  return row?.id ?? source.id
}

export const deleteDocSource = (tx: Tx, id: string) => tx.run('DELETE FROM doc_sources WHERE id = $1', [id])

export interface NewDocChunk {
  id: string
  /** SHA-256 in hex. */
  hash: string
  /** Which of the source's pages it is of. */
  page: number
  position: number
  url: string | null
  breadcrumb: readonly string[]
  content: string
  /** Parts of the identifiers in it, for the full-text index. */
  parts: string
}

export const listChunkHashes = async (tx: Tx, sourceId: string) =>
  tx.rows<{ id: string; hash: string }>(
    "SELECT id, encode(hash, 'hex') AS hash FROM doc_chunks WHERE source_id = $1",
    [sourceId],
  )

/** Removes what is not among the hashes. @returns how many */
export const deleteOtherChunks = (tx: Tx, sourceId: string, hashes: readonly string[]) =>
  tx.run("DELETE FROM doc_chunks WHERE source_id = $1 AND encode(hash, 'hex') <> ALL ($2::text[])", [
    sourceId,
    hashes,
  ])

/**
 * Puts chunks in; one that is there keeps its row and is only told its place, and tried again where a model refused it. In the full-text index the nearest
 * heading weighs most, then those above it, then the text, then the parts of identifiers.
 */
export const upsertChunks = (
  tx: Tx,
  source: { id: string; organizationId: string; connectorId: string | null },
  chunks: readonly NewDocChunk[],
) =>
  tx.run(
    `INSERT INTO doc_chunks (id, organization_id, source_id, connector_id, hash, page, position, url, breadcrumb, content, search)
     SELECT n.id, $1, $2, $3, decode(n.hash, 'hex'), n.page, n.position, n.url, ARRAY(SELECT jsonb_array_elements_text(n.breadcrumb)), n.content,
       setweight(to_tsvector('english', n.heading), 'A') || setweight(to_tsvector('english', n.above), 'B')
       || setweight(to_tsvector('english', n.content), 'C') || setweight(to_tsvector('english', n.parts), 'D')
     FROM jsonb_to_recordset($4::jsonb) AS n (id text, hash text, page int, position int, url text, breadcrumb jsonb, content text, heading text, above text, parts text)
     ON CONFLICT (source_id, hash) DO UPDATE SET page = excluded.page, position = excluded.position, url = excluded.url,
       embedding_refused_by = NULL`,
    [
      source.organizationId,
      source.id,
      source.connectorId,
      JSON.stringify(
        chunks.map((chunk) => ({
          ...chunk,
          heading: chunk.breadcrumb.at(-1) ?? '',
          above: chunk.breadcrumb.slice(0, -1).join(' / '),
        })),
      ),
    ],
  )

export interface DocChunkRow {
  id: string
  source_id: string
  source_title: string
  connector: string | null
  url: string | null
  breadcrumb: string[]
  content: string
}

export const getChunks = (tx: Tx, ids: readonly string[]) =>
  tx.rows<DocChunkRow>(
    `SELECT d.id, d.source_id, s.title AS source_title, c.slug AS connector, d.url, d.breadcrumb, d.content
     FROM doc_chunks d JOIN doc_sources s ON s.id = d.source_id LEFT JOIN connectors c ON c.id = d.connector_id WHERE d.id = ANY ($1)`,
    [ids],
  )

/** Which passages are looked through; null: all. */
export interface DocScope {
  connectorId: string | null
  sourceIds: readonly string[] | null
}

/** Weights of D, C, B, A: parts of identifiers, text, headings above, nearest heading. */
const WEIGHTS = '{0.1, 0.33, 0.5, 1.0}'
/** How soon more of the same word says no more (BM25's k1, in units of a word of the nearest heading). */
const SATURATION = 0.4
/** How much long passages are held against their length (BM25's b). */
const LENGTH_WEIGHT = 0.75
/** What its page says, against what the passage itself says. */
const PAGE_WEIGHT = 0.3

/** BM25 of one word, from how densely it stands in a text of so many words, and in how many of all texts it does. */
const bm25 = (text: { density: string; words: string; usual: string; holders: string; all: string }) =>
  `ln(1 + (${text.all} - ${text.holders} + 0.5) / (${text.holders} + 0.5)) * ${text.density}
   / (${text.density} + ${SATURATION} * (1 - ${LENGTH_WEIGHT} + ${LENGTH_WEIGHT} * ${text.words} / greatest(${text.usual}, 1)))`

/**
 * Ids of the chunks that hold any of the terms, best first: BM25 over the words' weighted density (ts_rank_cd of one
 * word), since Postgres' own ranking does not know that rare words say more; a part of the same for the whole page is
 * added, so that of equal passages the one on a page about the matter comes first.
 */
export const matchChunks = async (
  tx: Tx,
  query: DocScope & { terms: readonly string[]; limit: number },
): Promise<string[]> => {
  // How many rows hold a word cannot be foretold: taken for one, they would be joined one by one.
  await tx.run('SET LOCAL enable_nestloop = off')
  const rows = await tx.rows<{ id: string }>(
    `WITH terms AS (
         SELECT DISTINCT q FROM (SELECT plainto_tsquery('english', t) AS q FROM unnest($1::text[]) AS t) every WHERE numnode(q) > 0),
       pages AS (
         SELECT source_id, page, count(*) AS chunks, sum(words)::float8 AS words FROM doc_chunks
         WHERE ($2::text IS NULL OR connector_id = $2) AND ($4::text[] IS NULL OR source_id = ANY ($4)) GROUP BY source_id, page),
       corpus AS (SELECT sum(chunks)::float8 AS chunks, count(*)::float8 AS pages, sum(words) AS words FROM pages),
       hits AS (
         SELECT d.id, d.source_id, d.page, d.words, t.q, ts_rank_cd('${WEIGHTS}', d.search, t.q) AS density
         FROM terms t JOIN doc_chunks d ON d.search @@ t.q
         WHERE ($2::text IS NULL OR d.connector_id = $2) AND ($4::text[] IS NULL OR d.source_id = ANY ($4))),
       by_chunk AS MATERIALIZED (
         SELECT h.id, h.source_id, h.page, sum(${bm25({ density: 'h.density', words: 'h.words', usual: 'c.words / c.chunks', holders: 'h.holders', all: 'c.chunks' })}) AS score
         FROM (SELECT *, count(*) OVER (PARTITION BY q) AS holders FROM hits) h, corpus c GROUP BY h.id, h.source_id, h.page),
       by_page AS MATERIALIZED (
         SELECT h.source_id, h.page, sum(${bm25({ density: 'h.density', words: 'p.words', usual: 'c.words / c.pages', holders: 'h.holders', all: 'c.pages' })}) AS score
         FROM (SELECT source_id, page, q, sum(density) AS density, count(*) OVER (PARTITION BY q) AS holders FROM hits GROUP BY source_id, page, q) h
         JOIN pages p USING (source_id, page), corpus c GROUP BY h.source_id, h.page)
       SELECT m.id FROM by_chunk m JOIN by_page p USING (source_id, page)
       ORDER BY m.score + ${PAGE_WEIGHT} * p.score DESC, m.id LIMIT $3`,
    [query.terms, query.connectorId, query.limit, query.sourceIds],
  )
  return rows.map(({ id }) => id)
}
