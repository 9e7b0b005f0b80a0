import type { TenantScope } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { deleteCached, getCached, type Owner, setCached } from '../../db/cache.ts'
import { deleteConfig, getConfig, setConfig } from '../../db/configs.ts'
import type { Database } from '../../db/database.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import { deleteFile } from '../../db/files.ts'
import { type Collection, deleteRecord, getRecord, putRecord, queryRecords } from '../../db/records.ts'

const MAX_KEY_LENGTH = 512
/** Of one cached value, config or record. */
const MAX_VALUE_BYTES = 256 * 1024
const DEFAULT_TTL_SECONDS = 300
const MAX_TTL_SECONDS = 7 * 24 * 60 * 60
const DEFAULT_RECORDS = 100
const MAX_RECORDS = 1_000
/** What one query gives: more would fill the workflow's memory. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_CONDITIONS = 10
/** Other names are ours, e.g. `$files` of `fastn.files`. */
const COLLECTION = /^[A-Za-z][\w.-]{0,63}$/

type Call = (args: Json[]) => Promise<Json>

/** `ctx.cache`, `ctx.config`, `ctx.db` and `ctx.files.delete` of one execution. What it keeps is its customer's, where it has one. */
export function storeCalls(db: Database, scope: TenantScope, execution: ExecutionRow): Record<string, Call> {
  const { organization_id: organizationId, customer_id: customerId, environment } = execution
  const own: Owner = { organizationId, customerId }

  const cacheOwner = (options: Json | undefined): Owner => {
    const given = isJsonObject(options) ? options.scope : undefined
    const name = typeof given === 'string' ? given.toLowerCase() : given
    if (name === undefined || name === null) return own
    // PROJECT and ORG are what other runtimes call it.
    if (name === 'organization' || name === 'project' || name === 'org') {
      return { organizationId, customerId: null }
    }
    if (name === 'customer' && customerId !== null) return own
    throw invalidInput(
      name === 'customer'
        ? 'This execution runs for no customer, so it has no cache of one.'
        : `No cache scope '${String(given)}'.`,
      { where: 'ctx.cache', hint: "Use {scope: 'organization'} or {scope: 'customer'}." },
    )
  }
  const collectionOf = (name: Json | undefined): Collection => {
    if (typeof name === 'string' && COLLECTION.test(name)) return { ...own, collection: name }
    throw invalidInput(
      'A collection is named by up to 64 letters, digits and _ . -, starting with a letter.',
      {
        where: 'ctx.db',
        hint: "For example: await ctx.db.put('orders', order.id, order).",
      },
    )
  }
  const configKey = (key: Json | undefined, asked: Json | undefined) => {
    if (asked !== undefined && asked !== null && asked !== environment) {
      throw invalidInput(
        `This execution runs in '${environment}' and reaches no other environment's configs.`,
        {
          where: 'ctx.config',
          hint: 'Leave the environment out.',
        },
      )
    }
    return { environment, key: keyOf(key, 'ctx.config') }
  }

  return {
    'cache.get': ([key, options]) =>
      db.read(scope, async (tx) => {
        const found = await getCached(tx, cacheOwner(options), keyOf(key, 'ctx.cache'))
        return found?.value ?? null
      }),
    'cache.set': async ([key, value, options]) => {
      const entry = { owner: cacheOwner(options), key: keyOf(key, 'ctx.cache'), ttl: ttlOf(options) }
      const kept = bounded(value, 'ctx.cache.set')
      await db.tenant(scope, (tx) => setCached(tx, entry.owner, entry.key, kept, entry.ttl))
      return null
    },
    'cache.delete': async ([key, options]) => {
      await db.tenant(scope, (tx) => deleteCached(tx, cacheOwner(options), keyOf(key, 'ctx.cache')))
      return null
    },

    'config.get': ([key, asked]) =>
      db.read(scope, async (tx) => (await getConfig(tx, configKey(key, asked)))?.value ?? null),
    'config.set': async ([key, value, asked]) => {
      const config = { ...configKey(key, asked), value: bounded(value, 'ctx.config.set') }
      await db.tenant(scope, (tx) => setConfig(tx, organizationId, config))
      return null
    },
    'config.delete': ([key, asked]) => db.tenant(scope, (tx) => deleteConfig(tx, configKey(key, asked))),

    'files.delete': ([id]) => db.tenant(scope, (tx) => deleteFile(tx, keyOf(id, 'ctx.files.delete'))),

    'db.get': ([collection, key]) =>
      db.read(scope, async (tx) => {
        const found = await getRecord(tx, collectionOf(collection), keyOf(key, 'ctx.db'))
        return found?.value ?? null
      }),
    'db.put': async ([collection, key, value]) => {
      if (!isJsonObject(value)) {
        throw invalidInput('A record is one object.', {
          where: 'ctx.db.put',
          hint: 'Wrap other values: {value: …}. For single values ctx.state is simpler.',
        })
      }
      bounded(value, 'ctx.db.put')
      const at = { of: collectionOf(collection), key: keyOf(key, 'ctx.db') }
      await db.tenant(scope, (tx) => putRecord(tx, at.of, at.key, value))
      return null
    },
    'db.delete': ([collection, key]) =>
      db.tenant(scope, (tx) => deleteRecord(tx, collectionOf(collection), keyOf(key, 'ctx.db'))),
    'db.query': async ([collection, options]) => {
      const given = isJsonObject(options) ? options : {}
      const limit = wholeNumber(given.limit, 'limit', DEFAULT_RECORDS, MAX_RECORDS)
      const page = {
        prefix: textOr(given.prefix, 'prefix') ?? '',
        after: textOr(given.next, 'next'),
        where: conditions(given.where),
        // One more tells whether there is more.
        limit: limit + 1,
        maxBytes: MAX_ANSWER_BYTES,
      }
      const of = collectionOf(collection)
      const rows = await db.read(scope, (tx) => queryRecords(tx, of, page))
      const taken = rows.slice(0, limit)
      const more = (rows[0]?.found ?? 0) > taken.length
      const records = taken.map((row) => ({
        key: row.key,
        value: row.value,
        createdAt: row.created_at.toISOString(),
        updatedAt: row.updated_at.toISOString(),
      }))
      return { records, next: more ? (records.at(-1)?.key ?? null) : null }
    },
  }
}

function keyOf(key: Json | undefined, where: string): string {
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH) return key
  throw invalidInput(`A key is a text of 1 to ${MAX_KEY_LENGTH} characters.`, { where })
}

function bounded(value: Json | undefined, where: string): Json {
  const kept = value ?? null
  if (Buffer.byteLength(JSON.stringify(kept)) <= MAX_VALUE_BYTES) return kept
  throw invalidInput(`A value may have ${MAX_VALUE_BYTES} bytes of JSON at most.`, {
    where,
    hint: 'Split it, or save it as a file with ctx.files.save and keep the reference.',
  })
}

function ttlOf(options: Json | undefined): number {
  const ttl = isJsonObject(options) ? (options.ttl ?? DEFAULT_TTL_SECONDS) : DEFAULT_TTL_SECONDS
  if (typeof ttl === 'number' && ttl > 0 && ttl <= MAX_TTL_SECONDS) return ttl
  throw invalidInput(`ttl is a number of seconds, up to ${MAX_TTL_SECONDS} (seven days).`, {
    where: 'ctx.cache.set',
    hint: 'What must stay longer belongs in ctx.state.',
  })
}

function wholeNumber(value: Json | undefined, name: string, normally: number, most: number): number {
  if (value === undefined || value === null) return normally
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  throw invalidInput(`${name} is a whole number from 1 to ${most}.`, { where: `ctx.db.query ${name}` })
}

function textOr(value: Json | undefined, name: string): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && value.length <= MAX_KEY_LENGTH) return value
  throw invalidInput(`${name} is a text.`, { where: `ctx.db.query ${name}` })
}

function conditions(where: Json | undefined): JsonObject {
  if (where === undefined || where === null) return {}
  const isScalar = (value: Json) => value === null || typeof value !== 'object'
  if (isJsonObject(where)) {
    const values = Object.values(where)
    if (values.length <= MAX_CONDITIONS && values.every(isScalar)) return where
  }
  throw invalidInput(
    `where takes up to ${MAX_CONDITIONS} fields of the record, each with a text, number, true, false or null.`,
    {
      where: 'ctx.db.query where',
      hint: "For example: await ctx.db.query('orders', {where: {status: 'open'}}).",
    },
  )
}
