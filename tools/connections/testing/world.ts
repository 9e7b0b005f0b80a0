import { inspect } from 'node:util'
import { type Actor, scopeOf, type TenantScope } from '../../../core/actor.ts'
import { AppError } from '../../../core/errors.ts'
import { newId } from '../../../core/ids.ts'
import type { Logger } from '../../../core/log.ts'
import { rolePermissions } from '../../../core/permissions.ts'
import { type Database, openDatabase } from '../../../db/database.ts'
import { insertOrganization } from '../../../db/organizations.ts'
import { buildApiKeys } from '../../../runtime/access/api-keys.ts'
import { buildCallCounter } from '../../../runtime/access/call-counter.ts'
import { buildRateLimits } from '../../../runtime/access/rate-limits.ts'
import { buildConnections } from '../../../runtime/connections/build-connections.ts'
import type { StartExecution } from '../../../runtime/executions/executions.ts'
import { buildFiles } from '../../../runtime/files/files.ts'
import { buildHttpClient } from '../../../runtime/http/client.ts'
import { buildActionSearch } from '../../../runtime/search/action-search.ts'
import { loadMasterKey } from '../../../runtime/vault/master-key.ts'
import { buildVault, type Vault } from '../../../runtime/vault/vault.ts'
import { createTestDatabase, type DatabaseKind } from '../../../tests/setup/database.ts'
import { buildAuditWriter } from '../../audit-writer.ts'
import type { AnyTool, ToolDefinition } from '../../define-tool.ts'
import { type Invoker, invoke } from '../../invoke.ts'
import type { Services } from '../../services.ts'

export interface World {
  db: Database
  vault: Vault
  services: Services
  /** Everything logged so far, as text. */
  logged(): string
  /** A new organization and the actor of its owner key. */
  organization(name?: string): Promise<Actor>
  /** Calls a tool as the doors do. */
  call<O = Record<string, unknown>>(actor: Actor, tool: unknown, input?: object): Promise<O>
  /** The same, for calls that must fail. */
  refused(actor: Actor, tool: unknown, input?: object): Promise<AppError>
  close(): Promise<void>
}

/** A database, the runtime's parts and the tools' call path, as the composition root puts them together. */
export async function openWorld(kind: DatabaseKind = 'embedded'): Promise<World> {
  const lines: string[] = []
  const log = listeningLogger(lines)
  const { databaseUrl, dataDir, drop } = await createTestDatabase(kind)
  const db = await openDatabase({ databaseUrl, dataDir, log })
  const vault = buildVault(loadMasterKey({ masterKey: undefined, dataDir }))
  const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
  const files = buildFiles(db)
  const sandbox = { run: () => Promise.reject(new Error('the sandbox is not part of this test')) }
  const connections = buildConnections({ db, vault, http, files, sandbox, log })
  const apiKeys = buildApiKeys(db, log)
  /** Nothing runs here; what a call is refused for is looked at all the same. */
  const refusing = {
    start: async (scope: TenantScope, { customerId }: StartExecution) => {
      if (typeof customerId === 'function') await db.read(scope, customerId)
      throw new Error('executions is not part of this test')
    },
  } as unknown as Services['executions']
  const notHere = (name: string) =>
    new Proxy({}, { get: () => () => Promise.reject(new Error(`${name} is not part of this test`)) })
  const services: Services = {
    vault,
    http,
    apiKeys,
    connections,
    files,
    executions: refusing,
    schedules: notHere('schedules') as Services['schedules'],
    connectLinks: notHere('connectLinks') as Services['connectLinks'],
    oauth: notHere('oauth') as Services['oauth'],
    agents: notHere('agents') as Services['agents'],
    actionSearch: buildActionSearch(),
    docsIndex: notHere('docsIndex') as Services['docsIndex'],
    catalog: notHere('catalog') as Services['catalog'],
    publicUrl: () => 'http://127.0.0.1',
    changed: () => undefined,
  }
  const counter = buildCallCounter({ db, redisUrl: undefined, redisPrefix: 'patchbay', log })
  const invoker: Invoker = {
    db,
    services,
    limits: buildRateLimits(1_000_000, counter),
    audit: buildAuditWriter(db),
    log,
  }
  const call = (actor: Actor, tool: unknown, input: object = {}) =>
    invoke(invoker, {
      tool: { ...(tool as ToolDefinition), toolset: 'connections' } as AnyTool,
      actor,
      input,
    })

  return {
    db,
    vault,
    services,
    logged: () => lines.join('\n'),
    organization: async (name = 'Test organization') => {
      const owner = ownerOf(newId('organization'))
      await db.tenant(scopeOf(owner), (tx) => insertOrganization(tx, { id: owner.organizationId, name }))
      return owner
    },
    call: async <O>(actor: Actor, tool: unknown, input?: object) => (await call(actor, tool, input)) as O,
    refused: async (actor, tool, input) => {
      const outcome = await call(actor, tool, input).catch((error: unknown) => error)
      if (outcome instanceof AppError) return outcome
      throw new Error(`expected a refusal, got ${inspect(outcome)}`)
    },
    close: async () => {
      await connections.settled()
      await apiKeys.close()
      await http.close()
      await db.close()
      await drop()
    },
  }
}

function ownerOf(organizationId: string): Actor {
  return {
    kind: 'api_key',
    id: newId('apiKey'),
    name: 'owner',
    organizationId,
    role: 'owner',
    permissions: new Set(rolePermissions.owner),
    customerIds: null,
    mode: 'live',
    ratePerMinute: null,
    door: 'http',
  }
}

/** The actor of a key of this role, limited to these customers. */
export const actorLike = (
  owner: Actor,
  role: Actor['role'],
  customerIds: readonly string[] | null = null,
): Actor => ({
  ...owner,
  id: newId('apiKey'),
  name: role,
  role,
  permissions: new Set(rolePermissions[role]),
  customerIds,
})

function listeningLogger(lines: string[]): Logger {
  const write = (fields: object, message: string) => {
    lines.push(`${message} ${inspect(fields, { depth: 8 })}`)
  }
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}
