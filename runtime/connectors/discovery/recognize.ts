import { createHash } from 'node:crypto'
import { AppError } from '../../../core/errors.ts'
import { detectFormat } from '../import/detect.ts'
import { defaultImportLimits } from '../import/limits.ts'
import { isNode, listAt, type Node, nodeAt, textAt } from '../import/nodes.ts'
import { parseText } from '../import/parse.ts'

/** An API description, told by its content. */
export interface Recognized {
  format: 'openapi' | 'swagger' | 'postman'
  formatVersion: string
  title: string
  /** The API's own version, as the document says. */
  version: string | null
  /** Null: not counted; the document is large, or in several files. */
  operations: number | null
  /** Of the text: equal documents at two addresses are one. */
  hash: string
}

/** Reading YAML costs seconds beyond this; a large one is told by its outer lines. */
const MAX_YAML_CHARS = 3_000_000
const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'])

/**
 * The description a text is, or why it is none although it looks like one; undefined: it is nothing of the kind.
 */
export function recognize(text: string): Recognized | { problem: string } | undefined {
  const start = text
    .slice(0, 200)
    .replace(/^\uFEFF/, '')
    .trimStart()
  const isJson = start.startsWith('{')
  if (start === '' || start.startsWith('<') || (!isJson && !YAML_MARK.test(text))) return undefined
  if (isJson && !JSON_MARK.test(text)) return undefined
  const hash = createHash('sha256').update(text).digest('base64url')
  if (!isJson && text.length > MAX_YAML_CHARS) return fromOuterLines(text, hash)
  try {
    const node = parseText(text, 'document', defaultImportLimits, () => undefined)
    const { format, version, title, root } = detectFormat({ node, file: 'document', pointer: '' })
    const info = nodeAt(root, 'info') ?? {}
    return {
      format,
      formatVersion: version,
      title,
      version: textAt(info, 'version') ?? null,
      operations: format === 'postman' ? countRequests(root) : countOperations(root),
      hash,
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { problem: error.message }
  }
}

const YAML_MARK = /^["']?(?:openapi|swagger)["']?[ \t]*:/m
const JSON_MARK = /"(?:openapi|swagger|_postman_id)"\s*:|getpostman\.com\/json\/collection/

/** Some write the fields in another order: `openapi` and `info` stand at the end of megabytes. */
function fromOuterLines(text: string, hash: string): Recognized {
  const outer = (name: string) =>
    new RegExp(`^${name}:[ \\t]*["']?([^"'\\n]{1,200})`, 'm').exec(text)?.[1]?.trim()
  const info = /^info:[^\n]*\n((?:[ \t][^\n]*\n|\n){1,200})/m.exec(text)?.[1] ?? ''
  const inner = (name: string) =>
    new RegExp(`^ {1,8}${name}:[ \\t]*["']?([^"'\\n]{1,200})`, 'm').exec(info)?.[1]?.trim()
  const openapi = outer('openapi')
  return {
    format: openapi === undefined ? 'swagger' : 'openapi',
    formatVersion: openapi ?? '2.0',
    title: inner('title') ?? '',
    version: inner('version') ?? null,
    operations: null,
    hash,
  }
}

/** Null: path items are in other files, with nobody knows how many operations. */
function countOperations(root: Node): number | null {
  const items = Object.values(nodeAt(root, 'paths') ?? {}).filter(isNode)
  if (items.some((item) => item.$ref !== undefined)) return null
  return items.reduce((sum, item) => sum + Object.keys(item).filter((key) => METHODS.has(key)).length, 0)
}

function countRequests(root: Node): number {
  let count = 0
  const stack: unknown[] = [...listAt(root, 'item')]
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (!isNode(item)) continue
    if (item.request !== undefined) count += 1
    for (const child of listAt(item, 'item')) stack.push(child)
  }
  return count
}
