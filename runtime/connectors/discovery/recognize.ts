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
  /** Null: not counted, the document is large. */
  operations: number | null
  /** Of the text: equal documents at two addresses are one. */
  hash: string
}

/** Reading YAML costs seconds beyond this; a large one is told by its first lines. */
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
  if (start === '' || start.startsWith('<') || (!isJson && !YAML_MARK.test(text.slice(0, 20_000))))
    return undefined
  if (isJson && !JSON_MARK.test(text)) return undefined
  const hash = createHash('sha256').update(text).digest('base64url')
  if (!isJson && text.length > MAX_YAML_CHARS) return fromFirstLines(text, hash)
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

function fromFirstLines(text: string, hash: string): Recognized {
  const head = text.slice(0, 20_000)
  const value = (name: string) =>
    new RegExp(`^\\s{0,8}${name}:[ \\t]*["']?([^"'\\n]{1,200})`, 'm').exec(head)?.[1]?.trim()
  const openapi = value('openapi')
  return {
    format: openapi === undefined ? 'swagger' : 'openapi',
    formatVersion: openapi ?? '2.0',
    title: value('title') ?? '',
    version: value('version') ?? null,
    operations: null,
    hash,
  }
}

const countOperations = (root: Node): number =>
  Object.values(nodeAt(root, 'paths') ?? {}).reduce<number>(
    (sum, item) => sum + (isNode(item) ? Object.keys(item).filter((key) => METHODS.has(key)).length : 0),
    0,
  )

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
