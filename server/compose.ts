import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { buildModels } from '../agents/models/build-models.ts'
import type { TenantScope } from '../core/actor.ts'
import type { Config } from '../core/config.ts'
import { AppError, notFound } from '../core/errors.ts'
import { buildLogger, type Logger } from '../core/log.ts'
import { deleteOldAgentRuns } from '../db/agent-runs.ts'
import { deleteExpiredCache } from '../db/cache.ts'
import { deleteOldConnectLinks } from '../db/connect-links.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { findDocVectors, prepareDocVectors } from '../db/doc-vectors.ts'
import { deleteExpiredFiles } from '../db/files.ts'
import { maintainHistory, makePartitions } from '../db/history.ts'
import { deleteExpiredIdempotencyKeys } from '../db/idempotency.ts'
import { deleteExpiredOAuthAuthorizations } from '../db/oauth-authorizations.ts'
import { deleteEndedWindows } from '../db/rate-windows.ts'
import { deleteEndedSecrets } from '../db/triggers.ts'
import { deleteOldDeliveries } from '../db/webhook-deliveries.ts'
import { startDriftWatch } from '../graphs/drift-watch/drift-watch.ts'
import { buildAgentRuns } from '../graphs/frame/agent-runs.ts'
import { agents } from '../graphs/index.ts'
import { type ApiKeys, buildApiKeys } from '../runtime/access/api-keys.ts'
import { bootstrap } from '../runtime/access/bootstrap.ts'
import { buildCallCounter } from '../runtime/access/call-counter.ts'
import { buildRateLimits } from '../runtime/access/rate-limits.ts'
import { buildChanges } from '../runtime/changes/changes.ts'
import { buildConnectLinks } from '../runtime/connect-links/connect-links.ts'
import { buildConnections } from '../runtime/connections/build-connections.ts'
import { buildEmbedder, vectorLengths } from '../runtime/docs-index/build-embedder.ts'
import { buildDocsIndex } from '../runtime/docs-index/docs-index.ts'
import { refusalTeller, tellOutages } from '../runtime/docs-index/tell-outages.ts'
import { buildAdmission } from '../runtime/executions/admission.ts'
import { buildEngine, type Engine } from '../runtime/executions/engine.ts'
import { startSweeper } from '../runtime/executions/sweeper.ts'
import { buildVersions } from '../runtime/executions/versions.ts'
import { buildFiles } from '../runtime/files/files.ts'
import { buildHttpClient } from '../runtime/http/client.ts'
import { buildOAuth } from '../runtime/oauth/oauth.ts'
import { buildTokenRequests } from '../runtime/oauth/token-requests.ts'
import { every } from '../runtime/queue/every.ts'
import {
  buildExecutionQueue,
  type ExecutionQueue,
  prepareQueueSchema,
} from '../runtime/queue/execution-queue.ts'
import { buildSandbox, type Sandbox } from '../runtime/sandbox/sandbox.ts'
import { buildSchedules } from '../runtime/schedules/schedules.ts'
import { buildActionSearch } from '../runtime/search/action-search.ts'
import { buildIngest, type Ingest } from '../runtime/triggers/ingest.ts'
import { buildSubscriptions } from '../runtime/triggers/subscriptions.ts'
import { loadMasterKey, previousMasterKeys, reportMasterKeys } from '../runtime/vault/master-key.ts'
import { finishRotations } from '../runtime/vault/reseal.ts'
import { buildVault } from '../runtime/vault/vault.ts'
import { buildWebhookDeliverer } from '../runtime/webhooks/deliver.ts'
import { buildAuditWriter } from '../tools/audit-writer.ts'
import { type Invoker, invoke, mayCall } from '../tools/invoke.ts'
import { loadTools, type Registry } from '../tools/registry.ts'
import type { Services } from '../tools/services.ts'
import type { ComposeOptions } from './compose-options.ts'
import { writeOwnerKey } from './owner-key.ts'

const DRAIN_GRACE_MS = 10_000
/** A queue or database that does not answer must not keep a process from ending. */
const CLOSE_MS = 12_000
const QUEUE_CLOSE_MS = 3_000
const CLEAN_UPS = [
  deleteExpiredIdempotencyKeys,
  deleteExpiredFiles,
  deleteExpiredCache,
  deleteOldConnectLinks,
  deleteExpiredOAuthAuthorizations,
  deleteOldDeliveries,
  deleteEndedWindows,
  deleteEndedSecrets,
]
const CLEAN_UP_EVERY_MS = 10 * 60_000
const EMBED_EVERY_MS = 30_000
const DAY_MS = 86_400_000

/** Everything one process is made of, built once and passed down as plain values. */
export interface Platform {
  config: Config
  log: Logger
  db: Database
  registry: Registry
  invoker: Invoker
  services: Services
  apiKeys: ApiKeys
  engine: Engine
  ingest: Ingest
  queue: ExecutionQueue
  sandbox: Sandbox
  /** The owner key, when this start made it (the first on this database); it is in the data folder by now. */
  newOwnerKey: string | undefined
  /** Starts running queued executions in this process. */
  startWork(): Promise<void>
  /** Calls back when what an organization's clients see has changed. */
  onChanged(listener: (scope: TenantScope, what: 'tools' | 'resources') => void): void
  /** Sets the address third parties reach this server at, once it listens. */
  setPublicUrl(url: string): void
  ready(): Promise<{ ok: boolean; checks: Record<string, string> }>
  /** Lets what is under way finish, then closes everything. */
  close(): Promise<void>
}

/** The composition root: builds the layers from the bottom up and wires what a lower one needs of a higher one. */
export async function compose(
  config: Config,
  log: Logger = buildLogger(config.logLevel),
  options: ComposeOptions = {},
): Promise<Platform> {
  const masterKey = loadMasterKey(config)
  const previousKeys = previousMasterKeys(config.previousMasterKeys)
  const worker = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`
  // At the same time: the database opens in a thread, or a server, of its own.
  const loading = loadTools()
  loading.catch(() => {}) // told where it is awaited
  const db = await openDatabase({
    name: worker,
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    log,
    prepare: async (client) => {
      await prepareQueueSchema(client)
      await prepareDocVectors(client, vectorLengths(config.embeddings))
    },
  })
  try {
    return await composeOn(db, await loading)
  } catch (error) {
    await db.close()
    throw error
  }

  async function composeOn(database: Database, registry: Registry): Promise<Platform> {
    const newOwnerKey = await bootstrap(database, config.ownerApiKey, (key) =>
      writeOwnerKey(config.dataDir, key),
    )
    await reportMasterKeys(database, masterKey, previousKeys, log)
    const vault = buildVault(masterKey, previousKeys)
    const http = buildHttpClient({ allowedPrivateHosts: config.allowedPrivateHosts })
    const apiKeys = buildApiKeys(database, log)
    const files = buildFiles(database)
    const sandbox = buildSandbox({
      processes: config.sandboxProcesses,
      warmIsolatesPerProcess: config.warmIsolates,
      log,
    })
    const connectLinks = buildConnectLinks({ db: database, log, publicUrl: () => publicUrl })
    const callCounter = buildCallCounter({
      db: database,
      redisUrl: config.redisUrl,
      redisPrefix: config.redisPrefix,
      log,
    })
    const connections = buildConnections({
      countCall: (account, { limit, seconds }) => callCounter.count(`calls ${account}`, limit, seconds),
      db: database,
      vault,
      http,
      files,
      sandbox,
      log,
      reconnectLink: async (scope, connection) => (await connectLinks.reconnect(scope, connection))?.url,
    })
    const changes = buildChanges({ db: database, log })
    const queue = buildExecutionQueue({
      connection: database.connection,
      redisUrl: config.redisUrl,
      redisPrefix: config.redisPrefix,
      log,
    })
    const admission = buildAdmission({ db: database, queue, log })
    const versions = buildVersions(database)
    const engine = buildEngine({
      db: database,
      vault,
      http,
      connections,
      files,
      sandbox,
      admission,
      versions,
      log,
      worker,
      concurrency: config.workerConcurrency,
    })
    const ingest = buildIngest({
      db: database,
      vault,
      admission,
      storing: engine.storing,
      log,
      changesHeard: changes.heard,
    })
    const schedules = buildSchedules({ db: database, admission, log })
    const webhooks = buildWebhookDeliverer({ db: database, vault, http, log })

    let publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`
    const subscriptions = buildSubscriptions({
      ...{ db: database, vault, connections, log },
      publicUrl: config.publicUrl,
    })
    const listeners = new Set<Parameters<Platform['onChanged']>[0]>()
    const changed: Services['changed'] = (scope, what) => {
      for (const listener of listeners) listener(scope, what)
    }
    changes.on('triggers', (change) => ingest.forget(change?.organizationId))
    changes.on('api_keys', (change) => {
      if (change?.about != null) apiKeys.forget(change.about)
    })
    changes.on('connections', (change) => {
      if (change === null) return
      const { organizationId, about, by } = change
      connections.forget(organizationId)
      // What this process changes it tells at once. (On the embedded database nobody can tell who it was.)
      const others = by === null ? !database.solo : by !== worker
      if (others) changed({ organizationId, customerIds: about === null ? null : [about] }, 'tools')
    })
    const oauth = buildOAuth({
      db: database,
      vault,
      tokens: buildTokenRequests(http),
      connections,
      log,
      publicUrl: () => publicUrl,
      changed: (scope) => changed(scope, 'tools'),
    })
    const embedder = buildEmbedder(config.embeddings)
    const docsIndex = buildDocsIndex({
      vectors: await findDocVectors(database),
      embedder: embedder && tellOutages(embedder, log),
      log,
    })
    const { note } = docsIndex.describe()
    if (note !== null) log.info({ note }, 'documentation index')
    const catalog: Services['catalog'] = {
      visibleTo: (actor) => registry.all.filter((tool) => mayCall(actor, tool)),
      call: async (name, input, caller) => {
        const tool = registry.get(name)
        if (tool === undefined) throw notFound('tool', name, 'search_tools finds tools by what they do.')
        return invoke(invoker, { tool, ...caller, input, counted: true })
      },
    }
    const agentRuns = buildAgentRuns({
      db: database,
      log,
      agents: [...agents, ...(options.agents ?? [])],
      models: options.models ?? buildModels({ settings: config.model, db: database }),
      catalog,
      changes,
      worker,
      concurrency: config.agentConcurrency,
      perOrganization: config.agentRunsPerOrganization,
      atNode: options.atNode,
    })
    const services: Services = {
      vault,
      http,
      apiKeys,
      connections,
      files,
      executions: engine,
      schedules,
      connectLinks,
      oauth,
      actionSearch: buildActionSearch(),
      docsIndex,
      catalog,
      agents: agentRuns,
      publicUrl: () => publicUrl,
      changed,
    }
    const invoker: Invoker = {
      db: database,
      services,
      limits: buildRateLimits(config.rateLimitPerMinute, callCounter),
      audit: buildAuditWriter(database),
      log,
    }

    let sweeper: ReturnType<typeof startSweeper> | undefined
    let stopDriftWatch: (() => Promise<unknown>) | undefined
    let stopEmbedding: (() => Promise<unknown>) | undefined
    let cleanUp: NodeJS.Timeout | undefined
    return {
      config,
      log,
      db: database,
      registry,
      invoker,
      services,
      apiKeys,
      engine,
      ingest,
      queue,
      sandbox,
      newOwnerKey,
      startWork: async () => {
        const takes = config.workerConcurrency > 0
        sweeper = startSweeper({ db: database, queue, admission, engine, versions, log, worker, takes })
        // The embedded database was closed until now, so nobody else can be running anything on it.
        await sweeper.sweep(database.solo ? 0 : undefined)
        if (takes) {
          await queue.work(engine)
          engine.startTaking()
        }
        schedules.start()
        subscriptions.start()
        await agentRuns.startWork()
        webhooks.start()
        stopDriftWatch = startDriftWatch({ db: database, catalog, log }, options.driftEveryMs)
        await docsIndex.announce(database)
        const { embedEveryMs = EMBED_EVERY_MS } = options
        const tellRefused = refusalTeller(log)
        const embedRest = async (stopped: AbortSignal) =>
          tellRefused(await docsIndex.embedRest(database, stopped))
        const embedding = [
          every(embedEveryMs, embedRest, log, 'embeddings'),
          // Beside it: a round may take long.
          every(embedEveryMs, () => docsIndex.announce(database), log, 'embedding model'),
        ]
        stopEmbedding = () => Promise.all(embedding.map((stop) => stop()))
        const maintain = async () => {
          const round = await maintainHistory(database, { days: config.historyDays })
          if (round.made.length + round.dropped.length > 0)
            log.info(round, 'partitions of history made, dropped')
        }
        const forgetRuns = () =>
          deleteOldAgentRuns(database, new Date(database.now() - config.historyDays * DAY_MS))
        const clean = (task: (db: Database) => Promise<unknown>) =>
          task(database).catch((error: Error) => log.warn({ err: error.message }, 'clean-up failed'))
        cleanUp = setInterval(() => {
          for (const task of [
            ...CLEAN_UPS,
            () => finishRotations(database, vault, log),
            forgetRuns,
            maintain,
          ])
            void clean(task)
        }, CLEAN_UP_EVERY_MS)
        // What was off for weeks has no partition for today.
        await clean(() => makePartitions(database, { days: config.historyDays }))
      },
      onChanged: (listener) => {
        listeners.add(listener)
      },
      setPublicUrl: (url) => {
        if (config.publicUrl === undefined) publicUrl = url
      },
      ready: async () => {
        const checks = Object.fromEntries(
          await Promise.all([check('database', () => database.ping()), check('queue', () => queue.ping())]),
        )
        const ok = Object.values(checks).every((state) => state === 'ok')
        const waiting = config.workerConcurrency === 0 ? (sweeper?.overdue() ?? 0) : 0
        // What comes in is kept all the same, so it goes on accepting.
        if (waiting > 0) checks.workers = `none takes the executions that wait (${waiting})`
        return { ok, checks }
      },
      close: async () => {
        clearInterval(cleanUp)
        // Workers wait for the jobs they hold, so those must be let go of first.
        const end = (part: string, work: Promise<unknown>) => within(CLOSE_MS, part, work, log)
        engine.stopTaking()
        await Promise.all([
          end('worker', queue.stopWork()),
          end('agents', agentRuns.stopWork()),
          engine.drain(DRAIN_GRACE_MS),
        ])
        await end('sweeper', sweeper?.stop() ?? Promise.resolve())
        await end('schedules', schedules.stop())
        await end('subscriptions', subscriptions.stop())
        await end('webhooks', webhooks.stop())
        await end('drift watch', stopDriftWatch?.() ?? Promise.resolve())
        await end('embeddings', stopEmbedding?.() ?? Promise.resolve())
        await within(QUEUE_CLOSE_MS, 'queue', queue.close(), log)
        await sandbox.close()
        await docsIndex.close()
        connectLinks.close()
        await connections.settled()
        await apiKeys.close()
        await changes.close()
        await callCounter.close()
        await http.close()
        await database.close()
      },
    }
  }
}

async function check(name: string, probe: () => Promise<void>): Promise<[string, string]> {
  try {
    await withTimeout(probe(), 2_000)
    return [name, 'ok']
  } catch (error) {
    // Anybody may ask: what a driver says holds addresses and names.
    return [name, error instanceof AppError ? error.message : 'does not answer']
  }
}

/** Waits for a part to end, but not for ever. */
async function within(ms: number, part: string, work: Promise<unknown>, log: Logger): Promise<void> {
  await withTimeout(work, ms).catch((error: Error) =>
    log.warn({ part, err: error.message }, 'not closed in order'),
  )
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
