import type { TenantScope } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import { DEFAULT_KEEP_DAYS, type Files, MAX_KEEP_DAYS, toReference } from '../files/files.ts'

/** What one read gives a workflow: more would fill its memory. */
const MAX_READ_BYTES = 10 * 1024 * 1024

type Call = (args: Json[]) => Promise<Json>

/** `ctx.files` of one execution: what it saves belongs to its customer. */
export function fileCalls(
  files: Files,
  scope: TenantScope,
  execution: ExecutionRow,
): { [name in 'files.save' | 'files.read' | 'files.info']: Call } {
  return {
    'files.save': async ([given]) => {
      const { name, contentType, keepDays, bytes } = readFile(given)
      const { row: _row, ...reference } = await files.save(
        scope,
        { name, contentType, customerId: execution.customer_id, executionId: execution.id, keepDays },
        bytes,
      )
      return reference
    },
    'files.read': async ([id, options]) => {
      const given = isJsonObject(options) ? options : {}
      const row = await files.info(scope, fileId(id))
      const size = Number(row.bytes)
      const offset = numberIn(given.offset, 'offset', size) ?? 0
      const length = numberIn(given.length, 'length', MAX_READ_BYTES) ?? size - offset
      if (length > MAX_READ_BYTES) {
        throw invalidInput(`The file has ${size} bytes; one read gives ${MAX_READ_BYTES} at most.`, {
          where: 'ctx.files.read',
          hint: 'Read it in parts: {offset, length}.',
        })
      }
      const { bytes } = await files.read(scope, row.id, { offset, length })
      return Buffer.from(bytes).toString(given.as === 'base64' ? 'base64' : 'utf8')
    },
    'files.info': async ([id]) => {
      const row = await files.info(scope, fileId(id))
      return {
        ...toReference(row),
        sha256: row.sha256,
        createdAt: row.created_at.toISOString(),
        expiresAt: row.expires_at.toISOString(),
      }
    },
  }
}

function readFile(given: Json | undefined) {
  const file = isJsonObject(given) ? given : {}
  const { name, content, base64, contentType, keepDays } = file
  if (typeof name !== 'string' || (typeof content !== 'string') === (typeof base64 !== 'string')) {
    throw invalidInput('ctx.files.save takes {name, content} or {name, base64}, both text.', {
      where: 'ctx.files.save',
      hint: "For example: await ctx.files.save({name: 'report.csv', content: csv, contentType: 'text/csv'}).",
    })
  }
  const bytes = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(String(content))
  return {
    name,
    bytes,
    contentType:
      typeof contentType === 'string'
        ? contentType
        : typeof content === 'string'
          ? 'text/plain; charset=utf-8'
          : 'application/octet-stream',
    keepDays: keptFor(keepDays),
  }
}

function keptFor(days: Json | undefined): number {
  if (days === undefined) return DEFAULT_KEEP_DAYS
  if (typeof days === 'number' && days > 0 && days <= MAX_KEEP_DAYS) return days
  throw invalidInput(`keepDays is a number up to ${MAX_KEEP_DAYS}.`, { where: 'ctx.files.save' })
}

function fileId(id: Json | undefined): string {
  if (typeof id === 'string' && id !== '') return id
  throw invalidInput('A file is named by its id, or by the reference {file: …}.', { where: 'ctx.files' })
}

function numberIn(value: Json | undefined, name: string, most: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  throw invalidInput(`${name} is a whole number from 0 to ${most}.`, { where: `ctx.files.read ${name}` })
}
