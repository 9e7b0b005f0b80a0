import { createHmac, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../core/config.ts'
import { newId } from '../core/ids.ts'
import { buildLogger } from '../core/log.ts'
import type { Tx } from '../db/database.ts'
import { createOrganization } from '../runtime/access/bootstrap.ts'
import { secretPurpose } from '../runtime/secrets/secrets.ts'
import { finishRotations, reseal } from '../runtime/vault/reseal.ts'
import { type RunningServer, startServer } from '../server/start.ts'
import { createTestDatabase, describeOnBothDatabases, type TestDatabase } from './setup/database.ts'
import { deployWorkflow, installApp } from './setup/flow.ts'
import { type Body, eventually } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
/** More than a batch. */
const SECRETS = 230

describeOnBothDatabases('keys are rotated while calls run', (kind) => {
  let database: TestDatabase
  let upstream: Upstream
  let server: RunningServer
  let organizationId: string
  let key: string
  let connection: string
  let hook: { url: string; secret: string }
  let endpointSecret: string
  let token = 'token-0'

  const start = (masterKey: string, previous: readonly string[]) =>
    startServer(
      readConfig({
        PATCHBAY_PORT: '0',
        PATCHBAY_DATA_DIR: database.dataDir,
        PATCHBAY_LOG_LEVEL: 'silent',
        PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1,localhost',
        PATCHBAY_MASTER_KEY: masterKey,
        PATCHBAY_PREVIOUS_MASTER_KEYS: previous.join(','),
        ...(database.databaseUrl === undefined ? {} : { DATABASE_URL: database.databaseUrl }),
      }),
      buildLogger('silent'),
    )

  const ok = async (tool: string, input: object = {}, at: RunningServer = server): Promise<Body> => {
    const response = await fetch(`${at.url}/api/v1/tools/${tool}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
    const body = (await response.json()) as Body
    if (!response.ok) throw new Error(`${tool}: ${response.status} ${JSON.stringify(body)}`)
    return body
  }
  const inTransaction = <T>(work: (tx: Tx) => Promise<T>) =>
    server.platform.db.tenant({ organizationId, customerIds: null }, work)
  const dataKeys = () =>
    inTransaction((tx) =>
      tx.rows<{ id: string; master_key_id: string; retired: boolean }>(
        'SELECT id, master_key_id, retired_at IS NOT NULL AS retired FROM data_keys ORDER BY created_at, id',
      ),
    )

  /** Everything that needs a stored credential, once; the app answers 401 to a token that is not the newest or the one before. */
  const useEverything = async (at: RunningServer = server) => {
    const { output } = await ok(
      'run_action',
      { connector: 'app', action: 'read_thing', connection, input: { id: '1' } },
      at,
    )
    expect(output).toEqual({ ok: true })
    const body = JSON.stringify({ at: at.url })
    const delivered = await fetch(`${at.url}${new URL(hook.url).pathname}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': `sha256=${createHmac('sha256', hook.secret).update(body).digest('hex')}`,
      },
      body,
    })
    expect(delivered.status).toBe(202)
  }

  /** Calls without pause, by several at once, while `work` runs; gives how many there were. None may fail. */
  const whileCallsRun = async (
    work: () => Promise<void>,
    servers: () => RunningServer[],
  ): Promise<number> => {
    let calls = 0
    let done = false
    const callers = Array.from({ length: 3 }, async (_, index) => {
      while (!done || calls < 10) {
        const all = servers()
        await useEverything(all[index % all.length])
        calls += 1
        await sleep(10)
      }
    })
    const changer = (async () => {
      while (!done) {
        token = `token-${randomBytes(4).toString('hex')}`
        await ok('update_connection', { connection, credentials: { token } }, servers()[0])
        await sleep(10)
      }
    })()
    await Promise.all([
      work().finally(() => {
        done = true
      }),
      ...callers,
      changer,
    ])
    return calls
  }

  beforeAll(async () => {
    database = await createTestDatabase(kind)
    upstream = await startUpstream()
    upstream.answer = ({ headers }) =>
      /^Bearer token-/.test(headers.authorization ?? '')
        ? { status: 200, body: { ok: true } }
        : { status: 401, body: { ok: false } }
    server = await start(first, [])
    const made = await server.platform.db.system((tx) => createOrganization(tx, { name: 'Keys' }))
    organizationId = made.organizationId
    key = made.key
    await installApp({ ok } as never, upstream.url)
    await ok('update_connector', {
      connector: 'app',
      authMethods: [
        { slug: 'token', type: 'bearer_token', name: 'Token' },
        {
          slug: 'oauth',
          type: 'oauth2',
          name: 'OAuth',
          authorizationUrl: `${upstream.url}/a`,
          tokenUrl: `${upstream.url}/t`,
        },
      ],
    })
    const created = await ok('create_connection', {
      connector: 'app',
      authMethod: 'token',
      name: 'It',
      credentials: { token },
      verify: false,
    })
    connection = created.connection.id
    await deployWorkflow(
      { ok } as never,
      'reads',
      "export default async (ctx) => await ctx.secrets.get('S1')",
    )
    const installed = await ok('create_webhook', {
      name: 'Hook',
      routes: [{ workflow: 'reads', environment: 'dev' }],
      verification: { scheme: 'github' },
    })
    hook = { url: installed.trigger.webhook.url, secret: installed.secret }
    endpointSecret = (
      await ok('create_webhook_endpoint', { url: `${upstream.url}/told`, eventTypes: ['connection.deleted'] })
    ).secret
    const { oauthApp } = await ok('create_oauth_app', {
      name: 'Client',
      clientId: 'id',
      clientSecret: 'kept quiet',
      connectors: [{ connector: 'app', authMethod: 'oauth' }],
    })
    await ok('start_oauth', { connector: 'app', authMethod: 'oauth', oauthApp: oauthApp.slug })
    await inTransaction(async (tx) => {
      for (let n = 0; n < SECRETS; n += 1) {
        const id = newId('secret')
        const value = await server.platform.services.vault.seal(
          tx,
          organizationId,
          secretPurpose(id),
          `value ${n}`,
        )
        await tx.run(
          'INSERT INTO secrets (id, organization_id, name, kind, value) VALUES ($1, $2, $3, $4, $5)',
          [id, organizationId, `S${n}`, 'text', value],
        )
      }
    })
  })
  afterAll(async () => {
    await server.close()
    await upstream.close()
    await database.drop()
  })

  test('a new data key seals everything anew, and no call fails meanwhile', async () => {
    const [old] = await dataKeys()
    let report: Body = {}
    const calls = await whileCallsRun(
      async () => {
        report = await ok('rotate_keys', { dataKeys: true })
        report = { ...(await ok('rotate_keys', { dataKeys: true })), before: report }
      },
      () => [server],
    )
    expect(calls).toBeGreaterThanOrEqual(10)
    // Connection, trigger, endpoint, OAuth app, authorization under way, and the secrets.
    expect(report.before).toMatchObject({ unreadable: [], newDataKey: expect.stringMatching(/^dk_/) })
    expect(report.before.resealed).toBeGreaterThanOrEqual(SECRETS + 4)
    await finishRotations(server.platform.db, server.platform.services.vault, server.platform.log)
    const keys = await dataKeys()
    expect(keys[0]).toEqual({ ...old, retired: true })
    expect(keys.filter(({ retired }) => !retired)).toHaveLength(1)
    expect(await sealedWith(keys.filter(({ retired }) => retired).map(({ id }) => id))).toEqual([])
    // What was changed last meanwhile was not overwritten by what was there before.
    await useEverything()
    expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${token}`)
  })

  test('a retired data key is deleted when nothing can need it, and not before', async () => {
    const { db, services, log } = server.platform
    await finishRotations(db, services.vault, log)
    expect((await dataKeys()).filter(({ retired }) => retired).length).toBeGreaterThan(0)
    await inTransaction((tx) =>
      tx.run("UPDATE data_keys SET retired_at = now() - interval '3 days' WHERE retired_at IS NOT NULL"),
    )
    await finishRotations(db, services.vault, log)
    expect(await dataKeys()).toMatchObject([{ retired: false }])
    await useEverything()
  })

  test('an interrupted rotation goes on where it was left', async () => {
    const { vault } = server.platform.services
    await inTransaction((tx) => vault.renewDataKey(tx, organizationId))
    const stop = new AbortController()
    let batches = 0
    const interrupted = await reseal(
      vault,
      organizationId,
      (work) => {
        batches += 1
        if (batches === 2) stop.abort()
        return inTransaction(work)
      },
      stop.signal,
    )
    expect(interrupted.remaining).toBeGreaterThan(100)
    await useEverything()
    expect(await ok('rotate_keys', { dataKeys: true })).toEqual({
      rewrapped: 0,
      newDataKey: null,
      resealed: interrupted.remaining,
      remaining: 0,
      unreadable: [],
    })
  })

  test('a damaged value is named, left as it is, and holds up neither the others nor the next rotation', async () => {
    const id = newId('secret')
    await inTransaction((tx) =>
      tx.run(
        "INSERT INTO secrets (id, organization_id, name, kind, value) VALUES ($1, $2, 'DAMAGED', 'text', 'v1.dk_gone.AAAA')",
        [id, organizationId],
      ),
    )
    for (const _ of ['once', 'again']) {
      const report = await ok('rotate_keys', { dataKeys: true })
      expect(report).toMatchObject({
        newDataKey: expect.any(String),
        remaining: 1,
        unreadable: [`secrets ${id}`],
      })
      expect(report.resealed).toBeGreaterThan(SECRETS)
    }
    await ok('delete_secret', { name: 'DAMAGED' })
  })

  test('the master key is changed while calls run, and the old one is needed no more', async () => {
    const before = await dataKeys()
    let other: RunningServer | undefined
    await server.close()
    if (kind === 'postgres') {
      // First every process learns of the new key; then each in turn seals with it.
      server = await start(first, [second])
      other = await start(second, [first])
    } else server = await start(second, [first])
    const rotating = other ?? server
    const calls = await whileCallsRun(
      async () => {
        expect((await ok('rotate_keys', {}, rotating)).rewrapped).toBe(before.length)
        expect((await ok('rotate_keys', { dataKeys: true }, rotating)).unreadable).toEqual([])
      },
      () => (other === undefined ? [server] : [server, other]),
    )
    expect(calls).toBeGreaterThanOrEqual(10)
    await other?.close()
    await server.close()
    server = await start(second, [])
    expect(new Set((await dataKeys()).map((row) => row.master_key_id))).not.toContain(
      before[0]?.master_key_id,
    )
    await useEverything()
    const run = await ok('run_workflow', { workflow: 'reads', environment: 'dev' })
    const output = await eventually(async () => {
      const { execution } = await ok('get_execution', { execution: run.execution.id })
      return execution.status === 'completed' && execution.output
    })
    expect(output).toBe('value 1')
    await ok('delete_connection', { connection })
    const [told] = await eventually(async () => {
      const all = upstream.received.filter(({ path }) => path === '/told')
      return all.length > 0 && all
    })
    new Webhook(endpointSecret).verify(told?.body ?? '', told?.headers as Record<string, string>)
  })

  /** Every column of the database that holds something sealed with one of these keys. */
  async function sealedWith(ids: readonly string[]): Promise<string[]> {
    return inTransaction(async (tx) => {
      const columns = await tx.rows<{ table: string; column: string }>(
        `SELECT c.table_name AS "table", c.column_name AS "column" FROM information_schema.columns c
         JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE c.table_schema = 'patchbay' AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'jsonb')`,
      )
      expect(columns.length).toBeGreaterThan(50)
      const found: string[] = []
      for (const { table, column } of columns) {
        const row = await tx.row(
          `SELECT 1 FROM "${table}" WHERE EXISTS (SELECT FROM unnest($1::text[]) AS k WHERE position('v1.' || k || '.' IN "${column}"::text) > 0)`,
          [ids],
        )
        if (row !== undefined) found.push(`${table}.${column}`)
      }
      return found
    })
  }
})
