import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type express from 'express'
import { type Config, readConfig } from '../../core/config.ts'
import { newId } from '../../core/ids.ts'
import { buildLogger, type Logger } from '../../core/log.ts'
import type { RoleName } from '../../core/permissions.ts'
import { insertApiKey } from '../../db/api-keys.ts'
import type { Database } from '../../db/database.ts'
import { openDatabase } from '../../db/database.ts'
import { type ApiKeys, buildApiKeys, newApiKey } from '../../runtime/access/api-keys.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import { buildCallCounter } from '../../runtime/access/call-counter.ts'
import { buildRateLimits } from '../../runtime/access/rate-limits.ts'
import { loadMasterKey } from '../../runtime/vault/master-key.ts'
import { buildVault } from '../../runtime/vault/vault.ts'
import { createTestDatabase } from '../../tests/setup/database.ts'
import { buildAuditWriter } from '../../tools/audit-writer.ts'
import { createCustomer } from '../../tools/customers/create-customer.ts'
import { listCustomers } from '../../tools/customers/list-customers.ts'
import { updateCustomer } from '../../tools/customers/update-customer.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import type { Invoker } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import type { Services } from '../../tools/services.ts'
import { buildHttpApp } from './app.ts'

/** A real server on a free port with a database of its own; only services the tested tools use exist. */
export interface TestServer {
  url: string
  /** An owner's key. */
  key: string
  organizationId: string
  dataDir: string
  db: Database
  invoker: Invoker
  config: Config
  log: Logger
  /** A new key in the organization. */
  makeKey(options: { role: RoleName; ratePerMinute?: number; ipAllowlist?: string[] }): Promise<string>
  /** Another app on the same parts, with other settings: as another process of the same installation. */
  serve(options?: ServeOptions): Promise<string>
  close(): Promise<void>
}

export interface ServeOptions {
  environment?: Record<string, string>
  ready?: () => Promise<{ ok: boolean; checks: Record<string, string> }>
  /** Replaces the registry, for tools that behave as no real one does. */
  registry?: Registry
  log?: Logger
  extend?(app: express.Express): void
}

export async function startTestServer(): Promise<TestServer> {
  const { drop, ...where } = await createTestDatabase()
  const { dataDir } = where
  const log = buildLogger('silent')
  const db = await openDatabase({ ...where, log })
  const { organizationId, key } = await db.system((tx) => createOrganization(tx, { name: 'Test' }))
  const vault = buildVault(loadMasterKey({ masterKey: undefined, dataDir }))
  const apiKeys = buildApiKeys(db, log)
  const registry = customersTools()
  const config = readConfig({ PATCHBAY_DATA_DIR: dataDir, PATCHBAY_LOG_LEVEL: 'silent' })
  const services = { vault, apiKeys, changed: () => {} } as unknown as Services
  const counter = buildCallCounter({ db, redisUrl: undefined, redisPrefix: 'patchbay', log })
  const invoker: Invoker = {
    db,
    services,
    limits: buildRateLimits(config.rateLimitPerMinute, counter),
    audit: buildAuditWriter(db),
    log,
  }
  const closers: (() => Promise<unknown>)[] = []

  const serve = async (options: ServeOptions = {}) => {
    const app = buildHttpApp({
      registry: options.registry ?? registry,
      invoker,
      apiKeys,
      db,
      config: readConfig({ PATCHBAY_DATA_DIR: dataDir, ...options.environment }),
      log: options.log ?? log,
      ready: options.ready ?? (async () => ({ ok: true, checks: { database: 'ok' } })),
      ...(options.extend === undefined ? {} : { extend: options.extend }),
    })
    const server = createServer(app)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    closers.push(async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  return {
    url: await serve(),
    key,
    organizationId,
    dataDir,
    db,
    invoker,
    config,
    log,
    makeKey: (options) => makeKey(db, organizationId, options),
    serve,
    close: async () => {
      await Promise.all(closers.map((close) => close()))
      await closeParts(apiKeys, db)
      await drop()
    },
  }
}

/** The customers' tools alone: what is tested here is the door, not what is behind it. */
function customersTools(): Registry {
  const all = [createCustomer, listCustomers, updateCustomer].map(
    (tool): AnyTool => ({ ...tool, toolset: 'customers' }) as AnyTool,
  )
  return { all, get: (name) => all.find((tool) => tool.name === name) }
}

async function closeParts(apiKeys: ApiKeys, db: Database): Promise<void> {
  await apiKeys.close()
  await db.close()
}

async function makeKey(
  db: Database,
  organizationId: string,
  options: { role: RoleName; ratePerMinute?: number; ipAllowlist?: string[] },
): Promise<string> {
  const { key, prefix, hash } = newApiKey('live')
  await db.tenant({ organizationId, customerIds: null }, (tx) =>
    insertApiKey(tx, {
      id: newId('apiKey'),
      organizationId,
      name: options.role,
      mode: 'live',
      prefix,
      hash,
      role: options.role,
      permissions: null,
      customerIds: null,
      ipAllowlist: options.ipAllowlist ?? null,
      ratePerMinute: options.ratePerMinute ?? null,
      expiresAt: null,
      createdBy: 'test',
    }),
  )
  return key
}
