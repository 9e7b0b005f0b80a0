import { createHash, randomBytes } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import type { Actor, Door } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { rolePermissions } from '../../core/permissions.ts'
import { type ApiKeyRow, findApiKeyByHash, touchApiKeys } from '../../db/api-keys.ts'
import type { Database } from '../../db/database.ts'

/** How long a key may go on working in another process after it was revoked; in this one it stops at once. */
const CACHE_MS = 2_000
const TOUCH_EVERY_MS = 60_000
const KEY = /^pk_(test|live)_[A-Za-z0-9_-]{32,}$/

/** A new key: shown once, kept as a hash. 256 random bits, so a plain SHA-256 is enough to store it. */
export function newApiKey(mode: 'test' | 'live'): { key: string; prefix: string; hash: Buffer } {
  return describeKey(`pk_${mode}_${randomBytes(32).toString('base64url')}`)
}

export function describeKey(key: string): { key: string; prefix: string; hash: Buffer } {
  return { key, prefix: key.slice(0, 12), hash: createHash('sha256').update(key).digest() }
}

export interface ApiKeys {
  /**
   * The actor a key stands for.
   * @throws AppError `unauthenticated` when it is malformed, unknown, revoked or expired;
   *   `forbidden` when it may not be used from this address
   */
  authenticate(key: string, from: { door: Door; ip: string | undefined }): Promise<Actor>
  /** Forgets a key at once, when it was revoked here. */
  forget(id: string): void
  close(): Promise<void>
}

const refused = (message: string) =>
  new AppError('unauthenticated', message, {
    hint: 'Send a valid key as `Authorization: Bearer pk_…` or `x-fastn-api-key: pk_…`. An owner makes keys with create_api_key.',
  })

export function buildApiKeys(db: Database, log: Logger): ApiKeys {
  const cache = new LRUCache<string, ApiKeyRow>({ max: 10_000, ttl: CACHE_MS })
  const used = new Set<string>()
  const touch = async () => {
    const ids = [...used]
    used.clear()
    if (ids.length > 0) await touchApiKeys(db, ids)
  }
  const timer = setInterval(() => {
    touch().catch((error: Error) => log.warn({ err: error.message }, 'last use of API keys not recorded'))
  }, TOUCH_EVERY_MS)
  timer.unref()

  return {
    authenticate: async (key, from) => {
      if (!KEY.test(key)) throw refused('This is not an API key of Patchbay.')
      const { hash } = describeKey(key)
      const cacheKey = hash.toString('base64')
      const known = cache.get(cacheKey)
      const row = known ?? (await findApiKeyByHash(db, hash))
      if (row === undefined) throw refused('This API key is not known.')
      // Only what was just read: setting it anew at each use would keep a busy key for ever.
      if (known === undefined) cache.set(cacheKey, row)
      if (row.revoked_at !== null) throw refused('This API key was revoked.')
      if (row.expires_at !== null && row.expires_at.getTime() <= Date.now())
        throw refused('This API key has expired.')
      if (row.ip_allowlist !== null && !ipAllowed(from.ip, row.ip_allowlist)) {
        throw new AppError('forbidden', 'This API key may not be used from this address.', {
          hint: 'Call from an address on the key’s list, or make a key with another list.',
        })
      }
      used.add(row.id)
      return actorOf(row, from.door)
    },
    forget: (id) => {
      for (const [hash, row] of cache.entries()) if (row.id === id) cache.delete(hash)
    },
    close: async () => {
      clearInterval(timer)
      await touch()
    },
  }
}

/** The actor a key that is good stands for. */
export function actorOf(row: ApiKeyRow, door: Door): Actor {
  const role = rolePermissions[row.role]
  return {
    kind: 'api_key',
    id: row.id,
    name: row.name,
    organizationId: row.organization_id,
    role: row.role,
    permissions: new Set(
      row.permissions === null ? role : role.filter((permission) => row.permissions?.includes(permission)),
    ),
    customerIds: row.customer_ids,
    mode: row.mode,
    ratePerMinute: row.rate_per_minute,
    door,
  }
}

/** Is the address one of these, or inside one of these CIDR ranges? */
function ipAllowed(ip: string | undefined, allowlist: readonly string[]): boolean {
  if (ip === undefined || !ipaddr.isValid(ip)) return false
  const address = ipaddr.process(ip)
  return allowlist.some((entry) => {
    const [range, bits] = entry.includes('/') ? ipaddr.parseCIDR(entry) : [ipaddr.process(entry), undefined]
    if (range.kind() !== address.kind()) return false
    return address.match(range, bits ?? (range.kind() === 'ipv4' ? 32 : 128))
  })
}
