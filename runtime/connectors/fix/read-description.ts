import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ConnectorDefinition } from '../definition.ts'
import { importSpecApart } from '../import/import-apart.ts'

/** Who mends one action of an API mends others of it next. */
const MAX_KEPT = 4
const KEPT_MS = 10 * 60_000

const known = new LRUCache<string, ConnectorDefinition>({ max: MAX_KEPT, ttl: KEPT_MS })

/**
 * An API description as a connector definition, to compare with; what was read lately is not read again.
 * @throws AppError what `importSpecApart` throws
 */
export async function readDescription(text: string, signal: AbortSignal): Promise<ConnectorDefinition> {
  const key = createHash('sha256').update(text).digest('base64')
  const before = known.get(key)
  if (before !== undefined) return before
  const { definition } = await importSpecApart({ text }, { signal })
  known.set(key, definition)
  return definition
}
