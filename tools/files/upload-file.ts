import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { DEFAULT_KEEP_DAYS, MAX_KEEP_DAYS } from '../../runtime/files/files.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { FileSummary, toFileSummary } from './file.ts'

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

export const uploadFile = defineTool({
  name: 'upload_file',
  title: 'Upload a file',
  description:
    'Stores a file for some days, so that actions can send it: run_action takes {"file": "file_…"} where an action wants a file or bytes. Give its content as text or as base64.',
  input: z.object({
    name: z.string().min(1).max(500).describe('File name, such as report.csv; paths are taken out.'),
    content: z.string().optional().describe('The content, when it is text.'),
    base64: z.string().optional().describe('The content in base64, when it is not.'),
    contentType: z
      .string()
      .max(200)
      .optional()
      .describe('Content type; text/plain for text and application/octet-stream for bytes when left out.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) it belongs to; left out, your organization.'),
    keepDays: z
      .number()
      .positive()
      .max(MAX_KEEP_DAYS)
      .default(DEFAULT_KEEP_DAYS)
      .describe(`Days till it is deleted, up to ${MAX_KEEP_DAYS}.`),
  }),
  output: z.object({ file: FileSummary }),
  permission: 'connections.execute',
  effect: 'write',
  http: 'POST /files',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    const bytes = contentOf(input)
    const customerId = await context.read((tx) => actingCustomer(tx, actor, input.customer))
    const contentType =
      input.contentType ??
      (input.base64 === undefined ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    const { row } = await services.files.save(
      scopeOf(actor),
      { name: input.name, contentType, customerId, keepDays: input.keepDays },
      bytes,
    )
    context.touches(row.id)
    return { file: toFileSummary(row, services.publicUrl()) }
  },
})

function contentOf({ content, base64 }: { content?: string | undefined; base64?: string | undefined }) {
  if ((content === undefined) === (base64 === undefined)) {
    throw invalidInput('Give the content either as `content` or as `base64`.', { where: 'content' })
  }
  if (base64 === undefined) return Buffer.from(content ?? '')
  const text = base64.replace(/\s/g, '')
  if (BASE64.test(text)) return Buffer.from(text, 'base64')
  throw invalidInput('This is no base64.', {
    where: 'base64',
    hint: 'Encode the bytes, or give text as `content`.',
  })
}
