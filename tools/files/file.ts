import { z } from 'zod'
import type { FileRow } from '../../db/files.ts'
import { toReference } from '../../runtime/files/files.ts'
import { Timestamp } from '../params.ts'

export const FileId = z.string().min(1).describe('Id of the file (file_…).')

export const FileSummary = z.object({
  file: z.string().describe('file_…: an action takes {"file": "file_…"} where it wants a file or bytes.'),
  name: z.string(),
  contentType: z.string(),
  bytes: z.number().int().describe('Size.'),
  sha256: z.string().describe('Digest of the content, in hex.'),
  customerId: z.string().nullable().describe('Null: the organization’s own.'),
  executionId: z.string().nullable().describe('The run it was made in.'),
  downloadUrl: z.string().describe('GET it with your API key to download the whole content.'),
  createdAt: Timestamp,
  expiresAt: Timestamp.describe('When it is deleted.'),
})

export const toFileSummary = (row: FileRow, publicUrl: string) => ({
  ...toReference(row),
  sha256: row.sha256,
  customerId: row.customer_id,
  executionId: row.execution_id,
  downloadUrl: `${publicUrl}/api/v1/files/${row.id}/content`,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
})
