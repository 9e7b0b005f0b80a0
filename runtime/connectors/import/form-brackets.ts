import type { ImportContext } from './context.ts'
import type { FoundOperation } from './find-operations.ts'
import { isNode, type Node, nodeAt, own } from './nodes.ts'

/** A field of a multipart form in a command of curl: `-F "image[]=@a.png"`, `--form expires_after[anchor]=…`. */
const BRACKETED_FIELD = /(?:^|\s)(?:-F|--form(?:-string)?)[ =]?["']?[\w.-]+\[\w*\]["']?=/
/** A document may refer to the same part very many times. */
const MAX_VALUES = 200_000

/**
 * Do the API's own examples write lists and objects of multipart forms with brackets, as `image[]`? OpenAPI has no
 * word for that, and a server that expects it takes a repeated `image` for a mistake. One such example speaks for
 * all forms of a document, which one server reads.
 * @returns an answer that is looked for once, when first asked
 */
export function formBracketsOf(found: FoundOperation[]): ImportContext['formsUseBrackets'] {
  let known: boolean | undefined
  return () => {
    known ??= holdsSample(found.flatMap(({ operation: { node } }) => (takesForm(node) ? [node] : [])))
    return known
  }
}

function takesForm(operation: unknown): operation is Node {
  const body = isNode(operation) ? (nodeAt(operation, 'requestBody') ?? {}) : {}
  const types = Object.keys(nodeAt(body, 'content') ?? {})
  return own(body, '$ref') !== undefined || types.some((type) => type.startsWith('multipart/'))
}

/** Looks through all texts: samples of code are in extensions and descriptions, under many names. */
function holdsSample(operations: Node[]): boolean {
  const pending: unknown[] = [...operations]
  let left = MAX_VALUES
  for (let value = pending.pop(); value !== undefined && left > 0; value = pending.pop()) {
    left -= 1
    if (typeof value === 'string' && BRACKETED_FIELD.test(value)) return true
    if (typeof value !== 'object' || value === null) continue
    for (const child of Object.values(value)) if (child !== null && child !== undefined) pending.push(child)
  }
  return false
}
