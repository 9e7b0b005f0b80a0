import { type Config, readConfig } from '../../core/config.ts'
import { newId } from '../../core/ids.ts'
import { buildLogger } from '../../core/log.ts'
import type { RoleName } from '../../core/permissions.ts'
import { insertApiKey } from '../../db/api-keys.ts'
import { newApiKey } from '../../runtime/access/api-keys.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import type { Platform } from '../../server/compose.ts'
import type { ComposeOptions } from '../../server/compose-options.ts'
import { startServer } from '../../server/start.ts'
import { createTestDatabase, type DatabaseKind, usualKind } from './database.ts'

const MASTER_KEY = Buffer.alloc(32, 7).toString('base64')

export interface TestPlatform {
  platform: Platform
  url: string
  config: Config
  /** An organization of its own with its owner's key, for tests that must not see each other. */
  organization(name?: string): Promise<Tenant>
  close(): Promise<void>
}

export interface Tenant {
  organizationId: string
  ownerKey: string
  /** A key of this organization. */
  key(options: {
    role: RoleName
    mode?: 'test' | 'live'
    customerIds?: string[]
    ratePerMinute?: number
  }): Promise<string>
  /** Calls a tool over HTTP; gives the status and the parsed body. */
  call(tool: string, input?: object, key?: string): Promise<{ status: number; body: Body }>
  /** The same, and fails the test unless it succeeded. */
  ok(tool: string, input?: object, key?: string): Promise<Body>
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked into by assertions, which check them
export type Body = Record<string, any>

/** A whole server as users run it, in this process, on a free port and a fresh database. */
export async function startTestPlatform(
  kind: DatabaseKind = usualKind(),
  environment: Record<string, string> = {},
  options: ComposeOptions = {},
): Promise<TestPlatform> {
  const database = await createTestDatabase(kind)
  const config = readConfig({
    PATCHBAY_PORT: '0',
    PATCHBAY_DATA_DIR: database.dataDir,
    PATCHBAY_LOG_LEVEL: 'silent',
    PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1,localhost',
    PATCHBAY_MASTER_KEY: MASTER_KEY,
    ...(database.databaseUrl === undefined ? {} : { DATABASE_URL: database.databaseUrl }),
    ...environment,
  })
  const server = await startServer(config, buildLogger(config.logLevel), options)
  const { platform, url } = server
  return {
    platform,
    url,
    config,
    organization: async (name = 'Test organization') => {
      const { organizationId, key } = await platform.db.system((tx) => createOrganization(tx, { name }))
      return buildTenant(platform, url, organizationId, key)
    },
    close: async () => {
      await server.close()
      await database.drop()
    },
  }
}

function buildTenant(platform: Platform, url: string, organizationId: string, ownerKey: string): Tenant {
  const call: Tenant['call'] = async (tool, input = {}, key = ownerKey) => {
    const response = await fetch(`${url}/api/v1/tools/${tool}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
    return { status: response.status, body: (await response.json()) as Body }
  }
  return {
    organizationId,
    ownerKey,
    call,
    ok: async (tool, input, key) => {
      const { status, body } = await call(tool, input, key)
      if (status >= 300) throw new Error(`${tool} answered ${status}: ${JSON.stringify(body)}`)
      return body
    },
    key: async ({ role, mode = 'live', customerIds, ratePerMinute }) => {
      const made = newApiKey(mode)
      await platform.db.tenant({ organizationId, customerIds: null }, (tx) =>
        insertApiKey(tx, {
          id: newId('apiKey'),
          organizationId,
          name: role,
          mode,
          prefix: made.prefix,
          hash: made.hash,
          role,
          permissions: null,
          customerIds: customerIds ?? null,
          ipAllowlist: null,
          ratePerMinute: ratePerMinute ?? null,
          expiresAt: null,
          createdBy: 'test',
        }),
      )
      return made.key
    },
  }
}

/** Looks until the value is there; fails after `ms`. */
export async function eventually<T>(look: () => Promise<T | undefined | false>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`not there after ${ms} ms`)
    await new Promise((next) => setTimeout(next, 25))
  }
}
