import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../../core/actor.ts'
import { AppError, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Database } from '../../db/database.ts'
import {
  addChunk,
  beginFile,
  CHUNK_BYTES,
  completeFile,
  deleteFile,
  type FileRow,
  getFile,
  organizationFileBytes,
  readChunks,
} from '../../db/files.ts'
import { type FileReference, safeContentType, safeFileName } from '../connectors/response-file.ts'

export const MAX_FILE_BYTES = 50 * 1024 * 1024
/** Of one organization at a time: a workflow in a loop must not fill everybody's disk. */
const MAX_ORGANIZATION_BYTES = 5 * 1024 * 1024 * 1024
/** How long the sum of an organization's files is taken for true; what this process adds counts at once. */
const REMEMBER_SUM_MS = 10_000
export const DEFAULT_KEEP_DAYS = 7
export const MAX_KEEP_DAYS = 90
const DAY_SECONDS = 24 * 60 * 60
/** Chunks that travel in one transaction: short enough for the embedded database's one session. */
const CHUNKS_PER_TRANSACTION = 4

export interface NewFile {
  /** As somebody named it: paths, control characters and the like are taken out. */
  name: string
  contentType: string
  /** Whose it is; null: the organization's own. */
  customerId: string | null
  executionId?: string | null
  /** Days till it is deleted, 7 unless said otherwise. */
  keepDays?: number
}

/** Content too large or too binary to stand in JSON: kept in the database, in chunks, for some days. */
export interface Files {
  /**
   * Stores a file, chunk by chunk. It is there when this resolves, and not before.
   * @throws AppError `invalid_input` above 50 MB, `limit_exceeded` when the organization has no room left; nothing
   *   is kept then
   */
  save(
    scope: TenantScope,
    file: NewFile,
    content: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<FileReference & { row: FileRow }>
  /** @throws AppError `not_found`, also for a file past its time */
  info(scope: TenantScope, id: string): Promise<FileRow>
  /** A part of a file; all of it when nothing else is said. @throws AppError `not_found` */
  read(
    scope: TenantScope,
    id: string,
    part?: { offset: number; length: number },
  ): Promise<{ row: FileRow; bytes: Uint8Array }>
  /** The content of a file in pieces of up to 1 MB. */
  stream(scope: TenantScope, row: FileRow): AsyncGenerator<Uint8Array>
}

export function buildFiles(db: Database, maxOrganizationBytes = MAX_ORGANIZATION_BYTES): Files {
  const sums = new LRUCache<string, { bytes: number }>({ max: 10_000, ttl: REMEMBER_SUM_MS })

  const room = async (organizationId: string): Promise<{ bytes: number }> => {
    const known = sums.get(organizationId)
    const sum = known ?? { bytes: await organizationFileBytes(db, organizationId) }
    if (known === undefined) sums.set(organizationId, sum)
    if (sum.bytes < maxOrganizationBytes) return sum
    throw new AppError(
      'limit_exceeded',
      `The organization's files have ${maxOrganizationBytes} bytes already.`,
      {
        hint: 'Delete files that are not needed (list_files, delete_file), or keep new ones for fewer days.',
      },
    )
  }

  const info = async (scope: TenantScope, id: string): Promise<FileRow> => {
    const row = await db.read(scope, (tx) => getFile(tx, id))
    if (row !== undefined) return row
    throw notFound(
      'file',
      id,
      'list_files shows the ones there are; files are deleted when their time is over.',
    )
  }

  const chunks = async (scope: TenantScope, id: string, from: number, to: number): Promise<Buffer> => {
    const rows = await db.read(scope, (tx) => readChunks(tx, id, from, to))
    return Buffer.concat(rows.map(({ data }) => data))
  }

  return {
    info,
    save: async (scope, file, content) => {
      const id = newId('file')
      const { organizationId } = scope
      const { customerId } = file
      const keepDays = Math.min(file.keepDays ?? DEFAULT_KEEP_DAYS, MAX_KEEP_DAYS)
      if (content instanceof Uint8Array && content.byteLength > MAX_FILE_BYTES) throw tooLarge()
      const sum = await room(organizationId)
      await db.tenant(scope, (tx) =>
        beginFile(tx, {
          id,
          organizationId,
          customerId,
          executionId: file.executionId ?? null,
          name: safeFileName(file.name),
          contentType: safeContentType(file.contentType),
          keepSeconds: Math.round(keepDays * DAY_SECONDS),
        }),
      )
      try {
        const hash = createHash('sha256')
        let position = 0
        let bytes = 0
        for await (const group of grouped(content)) {
          for (const data of group) {
            hash.update(data)
            bytes += data.byteLength
          }
          if (bytes > MAX_FILE_BYTES) throw tooLarge()
          const first = position
          await db.tenant(scope, async (tx) => {
            for (const [index, data] of group.entries())
              await addChunk(tx, { fileId: id, organizationId, customerId, position: first + index, data })
          })
          position += group.length
          sum.bytes += group.reduce((total, data) => total + data.byteLength, 0)
          if (sum.bytes > maxOrganizationBytes) await room(organizationId)
        }
        const row = await db.tenant(scope, (tx) => completeFile(tx, id, bytes, hash.digest('hex')))
        if (row === undefined) throw new Error('UPDATE … RETURNING gave no row')
        return { ...toReference(row), row }
      } catch (error) {
        // Should this fail as well, the clean-up takes the unfinished file within the hour.
        await db.tenant(scope, (tx) => deleteFile(tx, id)).catch(() => undefined)
        throw error
      }
    },
    read: async (scope, id, part) => {
      const row = await info(scope, id)
      const size = Number(row.bytes)
      const offset = Math.min(part?.offset ?? 0, size)
      const end = Math.min(offset + (part?.length ?? size), size)
      if (end <= offset) return { row, bytes: new Uint8Array() }
      const firstChunk = Math.floor(offset / CHUNK_BYTES)
      const lastChunk = Math.floor((end - 1) / CHUNK_BYTES)
      const parts: Buffer[] = []
      for (let from = firstChunk; from <= lastChunk; from += CHUNKS_PER_TRANSACTION) {
        parts.push(await chunks(scope, id, from, Math.min(from + CHUNKS_PER_TRANSACTION - 1, lastChunk)))
      }
      const start = offset - firstChunk * CHUNK_BYTES
      return { row, bytes: Buffer.concat(parts).subarray(start, start + end - offset) }
    },
    async *stream(scope, row) {
      const count = Math.ceil(Number(row.bytes) / CHUNK_BYTES)
      for (let from = 0; from < count; from += CHUNKS_PER_TRANSACTION) {
        yield await chunks(scope, row.id, from, from + CHUNKS_PER_TRANSACTION - 1)
      }
    },
  }
}

export const toReference = (row: FileRow): FileReference => ({
  file: row.id,
  name: row.name,
  contentType: row.content_type,
  bytes: Number(row.bytes),
})

/** The content as groups of whole chunks; only the last chunk of all may be shorter. */
async function* grouped(content: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  const groupBytes = CHUNK_BYTES * CHUNKS_PER_TRANSACTION
  const cut = (bytes: Uint8Array): Uint8Array[] => {
    const parts: Uint8Array[] = []
    for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES)
      parts.push(bytes.subarray(at, at + CHUNK_BYTES))
    return parts
  }
  if (content instanceof Uint8Array) {
    for (let at = 0; at < content.byteLength; at += groupBytes)
      yield cut(content.subarray(at, at + groupBytes))
    return
  }
  let waiting = Buffer.alloc(0)
  for await (const piece of content) {
    waiting = Buffer.concat([waiting, piece])
    while (waiting.byteLength >= groupBytes) {
      yield cut(waiting.subarray(0, groupBytes))
      waiting = waiting.subarray(groupBytes)
    }
  }
  if (waiting.byteLength > 0) yield cut(waiting)
}

const tooLarge = () =>
  invalidInput(`A file may have ${MAX_FILE_BYTES} bytes at most.`, {
    where: 'content',
    hint: 'Store less, or keep it where it comes from and store its address.',
    data: { maxBytes: MAX_FILE_BYTES },
  })
