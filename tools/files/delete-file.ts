import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { deleteFile as removeFile } from '../../db/files.ts'
import { defineTool } from '../define-tool.ts'
import { FileId } from './file.ts'

export const deleteFile = defineTool({
  name: 'delete_file',
  title: 'Delete a file',
  description: 'Deletes a stored file at once; otherwise it goes when its time is over.',
  input: z.object({ file: FileId }),
  output: z.object({ deleted: z.literal(true), file: FileId }),
  permission: 'connections.execute',
  effect: 'destructive',
  http: 'DELETE /files/:file',
  resource: (input) => input.file,
  async run(context, { file }) {
    const gone = await context.transaction((tx) => removeFile(tx, file))
    if (!gone) throw notFound('file', file, 'list_files shows the ones there are.')
    return { deleted: true as const, file }
  },
})
