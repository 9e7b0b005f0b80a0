import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { isTextual } from '../../runtime/connectors/response.ts'
import { defineTool } from '../define-tool.ts'
import { FileId, FileSummary, toFileSummary } from './file.ts'

const MAX_LENGTH_BYTES = 256 * 1024

export const getFile = defineTool({
  name: 'get_file',
  title: 'Get a file',
  description:
    'Shows a stored file and a part of its content: text as it is, anything else in base64. Call it again with `offset` for what follows, or download it all from its downloadUrl.',
  input: z.object({
    file: FileId,
    offset: z.coerce.number().int().min(0).default(0).describe('Byte to begin at.'),
    length: z.coerce
      .number()
      .int()
      .min(0)
      .max(MAX_LENGTH_BYTES)
      .default(64 * 1024)
      .describe('Bytes to show, up to 256 KB; 0 for none.'),
  }),
  output: z.object({
    file: FileSummary,
    encoding: z.enum(['text', 'base64']),
    content: z.string().describe('The part of the content, in that encoding.'),
    nextOffset: z.number().int().nullable().describe('`offset` of what follows; null at the end.'),
  }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /files/:file',
  async run(context, { file, offset, length }) {
    const { services, actor } = context
    const { row, bytes } = await services.files.read(scopeOf(actor), file, { offset, length })
    const size = Number(row.bytes)
    const text = isTextual(row.content_type)
      ? wholeCharacters(bytes, offset + bytes.byteLength < size)
      : bytes
    const isText = isTextual(row.content_type) && !text.includes(0)
    const end = offset + text.byteLength
    return {
      file: toFileSummary(row, services.publicUrl()),
      encoding: isText ? ('text' as const) : ('base64' as const),
      content: Buffer.from(text).toString(isText ? 'utf8' : 'base64'),
      nextOffset: end < size ? end : null,
    }
  },
})

/** UTF-8 without a character that is cut at the end: it comes whole with the next part. */
function wholeCharacters(bytes: Uint8Array, cut: boolean): Uint8Array {
  if (!cut) return bytes
  for (let back = 1; back <= Math.min(4, bytes.byteLength - 1); back += 1) {
    const byte = bytes[bytes.byteLength - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? bytes.subarray(0, bytes.byteLength - back) : bytes
  }
  return bytes
}
