import pg from 'pg'
import type { TenantScope } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { followClock } from './clock.ts'
import { openEmbedded } from './embedded.ts'
import { migrate } from './migrate.ts'
import { buildStatementNames, type StatementRole } from './statement-names.ts'

export type Row = Record<string, unknown>

/** A transaction: what every query of `db/` takes, and the only way to reach a table. */
export interface Tx {
  /** All rows of a statement. */
  rows<R extends object = Row>(sql: string, params?: readonly unknown[]): Promise<R[]>
  /** The first row, or undefined. */
  row<R extends object = Row>(sql: string, params?: readonly unknown[]): Promise<R | undefined>
  /** Runs a statement for its effect; gives the number of rows it touched. */
  run(sql: string, params?: readonly unknown[]): Promise<number>
}

export interface Database {
  kind: 'embedded' | 'postgres'
  /** This process has just opened the database and nobody else can have been using it. */
  solo: boolean
  /** For libraries that bring queries of their own (the queue). */
  connection: pg.ClientConfig
  /** A transaction that sees one organization's rows, or only some of its customers'. */
  tenant<T>(scope: TenantScope, fn: (tx: Tx) => Promise<T>): Promise<T>
  /** The same, read-only. */
  read<T>(scope: TenantScope, fn: (tx: Tx) => Promise<T>): Promise<T>
  /** A transaction of the runtime's own role, for `db/` and the few places the layering test names. */
  system<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
  /** The database's time in milliseconds since 1970: the same for all processes, whatever their own clocks say. */
  now(): number
  /** Resolves when the database answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

const ID = /^[a-z]+_[0-9a-z]+$/

/** Ids go into `SET LOCAL`, which takes no parameters, so their form is checked here. */
function checkedId(id: string): string {
  if (!ID.test(id)) throw new AppError('internal', `'${id}' is not an id.`)
  return id
}

/** What a request asks for is had sooner than it would be compiled, which Postgres does by what it takes the rows to be. */
const SESSION = 'SET LOCAL search_path = patchbay; SET LOCAL jit = off'

function tenantPrelude(scope: TenantScope, access: 'READ ONLY' | 'READ WRITE'): string {
  const organization = checkedId(scope.organizationId)
  // An actor limited to no customer at all must see none, not all.
  const customers = scope.customerIds === null ? '' : scope.customerIds.map(checkedId).join(',') || 'none'
  return (
    `BEGIN ${access}; SET LOCAL ROLE patchbay_app; ${SESSION}; ` +
    `SET LOCAL app.organization_id = '${organization}'; SET LOCAL app.customer_id = '${customers}'` +
    (scope.shared === true ? "; SET LOCAL app.shared = 'on'" : '')
  )
}

const systemPrelude = `BEGIN; SET LOCAL ROLE patchbay_system; ${SESSION}`

type NameOf = (sql: string) => string | undefined

function asTx(client: pg.ClientBase, nameOf: NameOf): Tx {
  // Without parameters it may be several statements, which cannot be kept.
  const run = (sql: string, params: readonly unknown[] = []) =>
    client.query(params.length === 0 ? sql : { text: sql, values: [...params], name: nameOf(sql) })
  return {
    rows: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      (await run(sql, params)).rows as R[],
    row: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      (await run(sql, params)).rows[0] as R | undefined,
    run: async (sql, params) => (await run(sql, params)).rowCount ?? 0,
  }
}

/**
 * Errors of the server or the connection, not of the statement: the caller may try again. By SQLSTATE: 08 connection,
 * 53 no disk, memory or connections left, 57P0 shut down, 58 I/O, 25P03 idle in a transaction for too long, 25006 a
 * standby; the rest are the system's.
 */
const CONNECTION_LOST =
  /^(08|53|58|57P0|25P03|25006)|ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/
/**
 * A process that falls silent within a transaction (frozen, cut off) holds its locks no longer than this: less than
 * others wait before they take its executions (the sweeper's SILENT_MS).
 */
const IDLE_IN_TRANSACTION_MS = 10_000

const DATABASE = 'database'

/** Is this the database being away for a while? The same may well succeed in a moment. */
export const isDatabaseAway = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'unavailable' && error.where === DATABASE

const away = (message: string, cause: unknown): AppError =>
  new AppError('unavailable', message, {
    where: DATABASE,
    hint: 'Try again in a few seconds.',
    retryAfterSeconds: 5,
    cause,
  })

/** What Postgres refused, as the caller may understand it; errors of ours and unforeseen ones stay as they are. */
function asAppError(error: unknown): unknown {
  const { code } = error as { code?: unknown }
  const message = error instanceof Error ? error.message : ''
  if (isOutdated(error)) return away('The database was upgraded under this server.', error)
  if (
    (typeof code === 'string' && CONNECTION_LOST.test(code)) ||
    /Connection terminated|connection error|timeout exceeded when trying to connect|Cannot use a pool after calling end/.test(
      message,
    )
  )
    return away('The database does not answer.', error)
  if (code === UNTRANSLATABLE || code === BAD_CHARACTER) {
    return new AppError(
      'invalid_input',
      'A text holds a character that cannot be stored (NUL, or half of a surrogate pair).',
      {
        hint: 'Remove the character and try again.',
        cause: error,
      },
    )
  }
  if (code === NOT_PERMITTED && message.includes('row-level security')) {
    return new AppError('forbidden', 'The rows to be written are not among those this key reaches.', {
      hint: 'Name a customer of this key, or use a key that reaches more. whoami tells what it reaches.',
      cause: error,
    })
  }
  return error
}

/**
 * A statement that was prepared before a migration changed the type of a column: every connection that knows it by name
 * refuses it from then on, so it is closed. Nothing was done.
 */
const isOutdated = (error: unknown): boolean =>
  (error as { code?: unknown }).code === '0A000' && /cached plan/.test((error as Error).message)

/** SQLSTATEs, Postgres documentation appendix A. */
const BAD_CHARACTER = '22021'
const UNTRANSLATABLE = '22P05'
const NOT_PERMITTED = '42501'

/** The constraint a statement broke by repeating a unique value, or undefined for any other error. */
export function brokenUnique(error: unknown): string | undefined {
  const e = error as { code?: string; constraint?: string }
  return e.code === '23505' ? (e.constraint ?? '') : undefined
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect().catch((error: unknown) => {
    throw asAppError(error)
  })
}

/** How a transaction begins, and under which names its statements are kept. */
interface Opening {
  prelude: string
  nameOf: NameOf
}

/**
 * Sends the prelude and the first statement of `fn` one behind the other, without waiting in between and as one write
 * to the socket: a round trip and a system call less for every transaction. Should the prelude fail, what follows it
 * runs as the tenant role with no tenant and finds nothing; the prelude's failure is the one reported.
 */
async function begin<T>(client: pg.PoolClient, how: Opening, fn: (tx: Tx) => Promise<T>): Promise<T> {
  const { stream } = client.connection
  stream.cork()
  process.nextTick(() => stream.uncork())
  const [begun, worked] = await Promise.allSettled([client.query(how.prelude), fn(asTx(client, how.nameOf))])
  if (begun.status === 'rejected') throw begun.reason
  if (worked.status === 'rejected') throw worked.reason
  return worked.value
}

/** Ends a transaction that failed, and gives the connection back unless it failed with it. */
async function abandon(client: pg.PoolClient, error?: unknown): Promise<void> {
  if (error !== undefined && isOutdated(error)) return client.release(error as Error)
  await client.query('ROLLBACK').then(
    () => client.release(),
    (error: Error) => client.release(error),
  )
}

async function withTransaction<T>(pool: pg.Pool, how: Opening, fn: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let result: T
  try {
    result = await begin(client, how, fn)
    await client.query('COMMIT')
  } catch (error) {
    await abandon(client, error)
    throw asAppError(error)
  }
  client.release()
  return result
}

/** As `withTransaction`, but nobody waits for the end of a transaction that changed nothing. */
async function withReading<T>(pool: pg.Pool, how: Opening, fn: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let failure: unknown
  try {
    return await begin(client, how, fn)
  } catch (error) {
    failure = error
    throw asAppError(error)
  } finally {
    abandon(client, failure).catch(() => undefined) // cannot fail: it handles both outcomes
  }
}

/**
 * Opens the database and brings it up to date: the embedded one in `dataDir`, or the server at `databaseUrl`.
 * Same migrations, same roles, same policies on both.
 */
export async function openDatabase(options: {
  databaseUrl: string | undefined
  dataDir: string
  log: Logger
  poolSize?: number
  /** Names this process to the server, and in the changes it makes (db/changes.ts). */
  name?: string | undefined
  /** Set-up of libraries that keep tables of their own in this database (the queue); runs after our migrations. */
  prepare?: (client: pg.ClientBase) => Promise<void>
}): Promise<Database> {
  const embedded = options.databaseUrl === undefined ? await openEmbedded(options.dataDir) : undefined
  const connection: pg.ClientConfig = embedded?.connection ?? {
    connectionString: options.databaseUrl,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
  }

  const lost = (error: Error) => options.log.warn({ err: error.message }, 'a database connection was lost')
  const setup = new pg.Client(connection)
  setup.on('error', lost) // between two statements; the next one fails of it
  try {
    await setup.connect()
    const applied = await migrate(setup)
    if (applied.length > 0) options.log.info({ applied }, 'database migrated')
    // The process that runs the embedded database has done this already, and others are at work in its session.
    if (embedded?.owner !== false) {
      await setup.query('RESET ROLE')
      await options.prepare?.(setup)
    }
    // The embedded database has one session for everybody: from here on it is the tenant role's, as the
    // connections of a server are, so that a query outside a transaction sees nothing.
    if (embedded !== undefined) await setup.query('SET ROLE patchbay_app')
  } catch (error) {
    await embedded?.close()
    throw asSetupError(error)
  } finally {
    await setup.end().catch(() => undefined) // the error that matters was thrown above
  }

  const pool = new pg.Pool({
    ...connection,
    pipeline: true,
    max: options.poolSize ?? (embedded === undefined ? 20 : 10),
    // A query outside a transaction works as the tenant role with no tenant: it sees nothing.
    ...(embedded === undefined
      ? {
          options: '-c role=patchbay_app -c search_path=patchbay',
          application_name: options.name,
        }
      : {}),
  })
  pool.on('error', lost)
  // The pool listens to idle connections only; one lost in use between two statements would end the process.
  pool.on('connect', (client) => client.on('error', lost))

  const clock = await followClock(async () => {
    const { rows } = await pool.query<{ now: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    )
    return rows[0]?.now ?? Number.NaN
  }).catch(async (error: unknown) => {
    await pool.end()
    await embedded?.close()
    throw asSetupError(error)
  })

  // All connections of the embedded database share one session, and its names.
  const names = embedded === undefined ? buildStatementNames() : () => undefined
  const opening = (role: StatementRole, prelude: string): Opening => ({
    prelude,
    nameOf: (sql) => names(role, sql),
  })

  return {
    kind: embedded === undefined ? 'postgres' : 'embedded',
    solo: embedded?.owner === true,
    connection,
    tenant: (scope, fn) => withTransaction(pool, opening('tenant', tenantPrelude(scope, 'READ WRITE')), fn),
    read: (scope, fn) => withReading(pool, opening('tenant', tenantPrelude(scope, 'READ ONLY')), fn),
    system: (fn) => withTransaction(pool, opening('system', systemPrelude), fn),
    now: clock.now,
    ping: async () => {
      await pool.query('SELECT 1').catch((error: unknown) => {
        throw asAppError(error)
      })
    },
    close: async () => {
      clock.stop()
      await pool.end()
      await embedded?.close()
    },
  }
}

function asSetupError(error: unknown): unknown {
  const code = (error as { code?: string }).code
  if (code === '42501') {
    return new AppError('misconfigured', 'The database user may not create what Patchbay needs.', {
      hint: 'It needs CREATE on the database and CREATEROLE (for the roles patchbay_app and patchbay_system), once, for migrations.',
      cause: error,
    })
  }
  return asAppError(error)
}
