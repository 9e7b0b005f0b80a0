import type { Database, Tx } from './database.ts'

/** A file without its content. */
export interface FileRow {
  id: string
  customer_id: string | null
  execution_id: string | null
  name: string
  content_type: string
  /** bigint: text on the wire. */
  bytes: string
  sha256: string
  created_at: Date
  expires_at: Date
}

/** Bytes of every chunk but a file's last, so that an offset tells the chunk. */
export const CHUNK_BYTES = 256 * 1024

const COLUMNS = 'id, customer_id, execution_id, name, content_type, bytes, sha256, created_at, expires_at'
/** Whole, and not past its time. A file has no digest until its last chunk is stored. */
const THERE = `sha256 <> '' AND expires_at > now()`

/** Begins a file: chunks follow, then {@link completeFile}. Until then nobody sees it. */
export const beginFile = (
  tx: Tx,
  file: {
    id: string
    organizationId: string
    customerId: string | null
    executionId: string | null
    name: string
    contentType: string
    keepSeconds: number
  },
) =>
  tx.run(
    `INSERT INTO files (id, organization_id, customer_id, execution_id, name, content_type, bytes, sha256, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, 0, '', now() + make_interval(secs => $7))`,
    [
      file.id,
      file.organizationId,
      file.customerId,
      file.executionId,
      file.name,
      file.contentType,
      file.keepSeconds,
    ],
  )

export const addChunk = (
  tx: Tx,
  chunk: {
    fileId: string
    organizationId: string
    customerId: string | null
    position: number
    data: Uint8Array
  },
) =>
  tx.run(
    'INSERT INTO file_chunks (file_id, organization_id, customer_id, position, data) VALUES ($1, $2, $3, $4, $5)',
    [chunk.fileId, chunk.organizationId, chunk.customerId, chunk.position, Buffer.from(chunk.data)],
  )

export const completeFile = (tx: Tx, id: string, bytes: number, sha256: string) =>
  tx.row<FileRow>(`UPDATE files SET bytes = $2, sha256 = $3 WHERE id = $1 RETURNING ${COLUMNS}`, [
    id,
    bytes,
    sha256,
  ])

export const getFile = (tx: Tx, id: string) =>
  tx.row<FileRow>(`SELECT ${COLUMNS} FROM files WHERE id = $1 AND ${THERE}`, [id])

/** The chunks from one position to another, both included. */
export const readChunks = (tx: Tx, id: string, from: number, to: number) =>
  tx.rows<{ position: number; data: Buffer }>(
    'SELECT position, data FROM file_chunks WHERE file_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position',
    [id, from, to],
  )

export const listFiles = (
  tx: Tx,
  filter: { customerId: string | null; executionId: string | null; cursor: string | null; limit: number },
) =>
  tx.rows<FileRow>(
    `SELECT ${COLUMNS} FROM files
     WHERE ${THERE} AND ($1::text IS NULL OR customer_id = $1) AND ($2::text IS NULL OR execution_id = $2)
       AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [filter.customerId, filter.executionId, filter.cursor, filter.limit],
  )

/** Deletes a file with its chunks, complete or not. */
export const deleteFile = async (tx: Tx, id: string): Promise<boolean> =>
  (await tx.run('DELETE FROM files WHERE id = $1', [id])) > 0

/** Bytes of an organization's files, of all its customers. */
export const organizationFileBytes = (db: Database, organizationId: string): Promise<number> =>
  db.system(async (tx) =>
    Number(
      (
        await tx.row<{ bytes: string }>(
          'SELECT coalesce(sum(bytes), 0) AS bytes FROM files WHERE organization_id = $1 AND expires_at > now()',
          [organizationId],
        )
      )?.bytes ?? 0,
    ),
  )

/** Deletes files past their time in every organization, and those whose writer died; gives their number. */
export const deleteExpiredFiles = (db: Database): Promise<number> =>
  db.system((tx) =>
    tx.run(
      `DELETE FROM files WHERE id IN (
         SELECT id FROM files WHERE expires_at <= now() OR (sha256 = '' AND created_at < now() - interval '1 hour') LIMIT 1000)`,
    ),
  )
