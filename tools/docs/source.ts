import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { type DocSourceRow, getDocSource } from '../../db/doc-index.ts'
import { Timestamp } from '../params.ts'

export const DocSource = z.object({
  id: z.string().describe('doc_…'),
  title: z.string(),
  kind: z.enum(['text', 'url', 'connector']).describe('What it was indexed from.'),
  url: z.string().nullable().describe('Where it was read.'),
  connector: z
    .string()
    .nullable()
    .describe('Slug of the connector it documents; null: of none in particular.'),
  pages: z.number().int().describe('Pages read.'),
  chunks: z.number().int().describe('Passages it was cut into.'),
  indexedAt: Timestamp,
})

export const toDocSource = (row: DocSourceRow): z.input<typeof DocSource> => ({
  id: row.id,
  title: row.title,
  kind: row.kind,
  url: row.url,
  connector: row.connector,
  pages: row.pages,
  chunks: row.chunks,
  indexedAt: row.indexed_at,
})

export const DocSourceRef = z.string().min(1).max(100).describe("A source's id (doc_…), from list_api_docs.")

/** @throws AppError `not_found` */
export async function requireDocSource(tx: Tx, id: string): Promise<DocSourceRow> {
  const row = await getDocSource(tx, id)
  if (row === undefined) throw notFound('documentation source', id, 'list_api_docs shows those there are.')
  return row
}
