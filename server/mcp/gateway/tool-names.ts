import { createHash } from 'node:crypto'

/** MCP clients and model providers accept names of [A-Za-z0-9_-] up to this long. */
const MAX_NAME_CHARS = 64
const HASH_CHARS = 7

/** `googleDrive` → `google_drive`. */
export const snakeCase = (slug: string): string =>
  slug
    .replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')

/**
 * The tool name of each action, `{connector}_{action}`: unique, and stable. A name that is too long is cut and
 * ends in a hash of the whole. Where two would be the same, the action that comes first (of the older
 * connector) keeps the plain name, so that a connector added later renames nothing.
 */
export function nameActions<A extends { connector: string; action: string }>(
  actions: readonly A[],
  reserved: ReadonlySet<string>,
): Map<string, A> {
  const names = new Map<string, A>()
  for (const action of actions) {
    const plain = `${snakeCase(action.connector)}_${snakeCase(action.action)}`
    const fits = plain.length <= MAX_NAME_CHARS && !reserved.has(plain) && !names.has(plain)
    const name = fits ? plain : hashed(plain, `${action.connector}.${action.action}`)
    names.set(name, action)
  }
  return names
}

function hashed(plain: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, HASH_CHARS)
  return `${plain.slice(0, MAX_NAME_CHARS - HASH_CHARS - 1).replace(/_+$/, '')}_${hash}`
}
