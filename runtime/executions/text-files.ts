import type { TenantScope } from '../../core/actor.ts'
import { invalidInput, notFound } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Database } from '../../db/database.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import { deleteFile } from '../../db/files.ts'
import { type Collection, deleteRecord, getRecord, putRecord } from '../../db/records.ts'
import { type Files, MAX_KEEP_DAYS } from '../files/files.ts'

const MAX_PATH_LENGTH = 512
const MAX_TEXT_BYTES = 5 * 1024 * 1024

type Call = (args: Json[]) => Promise<Json>

/**
 * `fastn.files` of one execution: text by path. The text is a stored file like any other; which file a path
 * means is a record in a collection that `ctx.db` cannot name.
 */
export function textFileCalls(
  db: Database,
  files: Files,
  scope: TenantScope,
  execution: ExecutionRow,
): Record<string, Call> {
  const of: Collection = {
    organizationId: execution.organization_id,
    customerId: execution.customer_id,
    collection: '$files',
  }
  const idAt = async (path: string): Promise<string | undefined> => {
    const found = await db.read(scope, (tx) => getRecord(tx, of, path))
    return typeof found?.value.file === 'string' ? found.value.file : undefined
  }
  const read = async (path: string) => {
    const id = await idAt(path)
    if (id === undefined) throw notFound('file', path, 'fastn.files.exists tells whether there is one.')
    return files.read(scope, id)
  }

  return {
    'textfiles.write': async ([path, content]) => {
      const at = pathOf(path)
      if (typeof content !== 'string' || Buffer.byteLength(content) > MAX_TEXT_BYTES) {
        throw invalidInput(`fastn.files.write takes text of up to ${MAX_TEXT_BYTES} bytes.`, {
          where: 'fastn.files.write',
          hint: 'ctx.files.save takes larger files, and bytes as base64.',
        })
      }
      const before = await idAt(at)
      const { file } = await files.save(
        scope,
        {
          name: at,
          contentType: 'text/plain; charset=utf-8',
          customerId: execution.customer_id,
          // It outlives the execution that wrote it.
          executionId: null,
          keepDays: MAX_KEEP_DAYS,
        },
        Buffer.from(content),
      )
      await db.tenant(scope, async (tx) => {
        await putRecord(tx, of, at, { file })
        if (before !== undefined) await deleteFile(tx, before)
      })
      return null
    },
    'textfiles.read': async ([path]) => Buffer.from((await read(pathOf(path))).bytes).toString('utf8'),
    'textfiles.exists': async ([path]) => {
      const id = await idAt(pathOf(path))
      if (id === undefined) return false
      return files.info(scope, id).then(
        () => true,
        (error: { code?: string }) => {
          if (error.code === 'not_found') return false
          throw error
        },
      )
    },
    'textfiles.delete': async ([path]) => {
      const at = pathOf(path)
      const id = await idAt(at)
      if (id === undefined) return false
      return db.tenant(scope, async (tx) => {
        await deleteRecord(tx, of, at)
        return deleteFile(tx, id)
      })
    },
  }
}

function pathOf(path: Json | undefined): string {
  if (typeof path === 'string' && path !== '' && path.length <= MAX_PATH_LENGTH) return path
  throw invalidInput(`A path is a text of 1 to ${MAX_PATH_LENGTH} characters.`, { where: 'fastn.files' })
}
