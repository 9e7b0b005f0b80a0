import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { setUpkeep } from '../db/app-subscriptions.ts'
import { noteDriftLook, setDriftWatch } from '../db/drift-watches.ts'
import { insertModelRequest } from '../db/model-requests.ts'
import { insertModelReservation } from '../db/model-reservations.ts'
import { addModelUsage } from '../db/model-usage.ts'
import { keepPreviousSecret, setTriggerSecret } from '../db/triggers.ts'
import type { AnyTool } from '../tools/define-tool.ts'
import { settled } from './setup/agent-runs.ts'
import { describeOnBothDatabases } from './setup/database.ts'
import { eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

/** Stands in every text of the tenant that must stay unseen. */
const MARK = 'SECRETMARK'
/** Calls made at once. */
const LANES = 6
const tables = [
  'customers',
  'api_keys',
  'connectors',
  'actions',
  'action_mocks',
  'connector_versions',
  'connector_pins',
  'connections',
  'oauth_apps',
  'oauth_authorizations',
  'workflows',
  'workflow_versions',
  'deployments',
  'triggers',
  'app_subscriptions',
  'previous_trigger_secrets',
  'routes',
  'events',
  'executions',
  'execution_logs',
  'traces',
  'dead_letters',
  'state_entries',
  'cache_entries',
  'configs',
  'records',
  'secrets',
  'connect_links',
  'files',
  'file_chunks',
  'doc_sources',
  'drift_watches',
  'doc_chunks',
  'doc_embeddings',
  'model_usage',
  'model_reservations',
  'model_requests',
  'agent_runs',
  'agent_run_events',
  'agent_run_records',
  'agent_checkpoints.checkpoints',
  'agent_checkpoints.checkpoint_writes',
]

interface Planted {
  /** Everything that names something of the tenant: ids and slugs. */
  refs: string[]
  customerId: string
}

/** Fills a tenant with one of everything, for a customer of the given slug. */
async function plant(tenant: Tenant, upstream: string, slug: string): Promise<Planted> {
  const { customer } = await tenant.ok('create_customer', {
    name: `${MARK} ${slug}`,
    slug,
    metadata: { note: MARK },
  })
  const connectorSlug = `app${slug.replace(/\W/g, '')}`
  const { connector } = await tenant.ok('create_connector', {
    name: `${MARK} app`,
    slug: connectorSlug,
    baseUrl: upstream,
    authMethods: [
      { slug: 'token', type: 'bearer_token', name: 'Token' },
      {
        slug: 'oauth',
        type: 'oauth2',
        name: 'Sign in',
        authorizationUrl: `${upstream}/authorize`,
        tokenUrl: `${upstream}/token`,
      },
    ],
  })
  const { action } = await tenant.ok('create_action', {
    connector: connectorSlug,
    slug: 'get_thing',
    name: 'Get a thing',
    description: MARK,
    path: '/thing',
  })
  await tenant.ok('set_action_mock', {
    connector: connectorSlug,
    action: 'get_thing',
    scenario: MARK,
    answers: [{ output: { mark: MARK } }],
  })
  const { connection } = await tenant.ok('create_connection', {
    customer: customer.id,
    connector: connectorSlug,
    name: `${MARK} account`,
    credentials: { token: `${MARK}-token` },
    verify: false,
  })
  await tenant.ok('pin_connector_version', { connector: connectorSlug, customer: customer.id })
  const { oauthApp } = await tenant.ok('create_oauth_app', {
    name: `${MARK} ${slug}`,
    clientId: `${MARK}-client`,
    clientSecret: `${MARK}-client-secret`,
    connectors: [{ connector: connectorSlug }],
  })
  const { authorizationId } = await tenant.ok('start_oauth', {
    connector: connectorSlug,
    customer: customer.id,
    name: `${MARK} consent`,
  })
  const { link } = await tenant.ok('create_connect_link', {
    customer: customer.id,
    connector: connectorSlug,
    name: `${MARK} link`,
  })
  await tenant.ok('set_secret', { name: 'API_TOKEN', value: `${MARK}-secret`, customer: customer.id })
  await tenant.ok('set_config', { environment: 'dev', key: `${MARK}-config`, value: MARK })
  const { file } = await tenant.ok('upload_file', {
    name: `${MARK}.txt`,
    content: MARK,
    customer: customer.id,
  })
  const { source } = await tenant.ok('index_api_docs', {
    text: `# ${MARK}\n\nWhat ${MARK} does.`,
    connector: connectorSlug,
  })
  const { workflow } = await tenant.ok('create_workflow', {
    name: `${MARK} flow`,
    slug: `flow-${slug}`,
    code: `export default async (ctx) => {
      await ctx.state.set('seen', '${MARK}')
      await ctx.cache.set('seen', '${MARK}')
      await ctx.db.put('seen', 'it', {mark: '${MARK}'})
      ctx.log.info('${MARK}')
      await ctx.connectors.${connectorSlug}.get_thing({})
      if (ctx.input.fail) throw new Error('${MARK} failed')
      return { mark: '${MARK}' }
    }`,
  })
  const { version } = await tenant.ok('publish_workflow', { workflow: workflow.id })
  await tenant.ok('deploy_workflow', { workflow: workflow.id, environment: 'dev' })
  const hook = await tenant.ok('create_webhook', {
    name: `${MARK} hook`,
    customer: customer.id,
    verification: { scheme: 'none' },
    routes: [{ workflow: workflow.id, environment: 'dev' }],
  })
  const delivered = await fetch(hook.trigger.webhook.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fail: true, mark: MARK }),
  })
  const { eventId, executionIds } = (await delivered.json()) as { eventId: string; executionIds: string[] }
  const execution = await eventually(async () => {
    const found = await tenant.ok('get_execution', { execution: executionIds[0] ?? '' })
    return found.execution.status === 'failed' && found.execution
  })
  // By a key of the customer, so that the run is the customer's.
  const key = await tenant.key({ role: 'end_user', customerIds: [customer.id] })
  const started = await tenant.ok(
    'test_connector',
    {
      connector: connectorSlug,
      customer: customer.id,
      inputs: { '*': { note: MARK } },
      approval: 'auto',
      waitSeconds: 20,
    },
    key,
  )
  const run = await settled(tenant, started.run, key)
  const { deadLetters } = await tenant.ok('list_dead_letters', {})
  const { traces } = await tenant.ok('list_traces', { execution: execution.id })
  const { apiKeys } = await tenant.ok('list_api_keys', {})
  const refs = [
    customer.id,
    customer.slug,
    connector.id,
    connector.slug,
    action.id,
    connection.id,
    link.id,
    oauthApp.id,
    authorizationId,
    file.file,
    source.id,
    workflow.id,
    workflow.slug,
    version?.id,
    hook.trigger.id,
    eventId,
    execution.id,
    run.id,
    ...deadLetters.map((row: { id: string }) => row.id),
    ...traces.map((row: { id: string }) => row.id),
    ...apiKeys.map((row: { id: string }) => row.id),
    tenant.organizationId,
  ].filter((ref): ref is string => typeof ref === 'string')
  // One of each kind: ids by their prefix, slugs by themselves.
  const oneOfEach = new Map(refs.map((ref) => [/^[a-z]+_/.exec(ref)?.[0] ?? ref, ref]))
  return { refs: [...oneOfEach.values()], customerId: customer.id }
}

type JsonSchema = {
  type?: string | string[]
  enum?: unknown[]
  default?: unknown
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
  minimum?: number
}

/** An input of the tool's shape in which every text is `ref`. */
function inputWith(schema: JsonSchema, ref: string): unknown {
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.anyOf !== undefined) return inputWith(schema.anyOf[0] ?? {}, ref)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, member]) => [name, inputWith(member, ref)]),
      )
    case 'array':
      return schema.items === undefined ? [] : [inputWith(schema.items, ref)]
    case 'string':
      return ref
    case 'integer':
    case 'number':
      return schema.default ?? schema.minimum ?? 1
    case 'boolean':
      return schema.default ?? true
    default:
      return schema.default ?? {}
  }
}

/** With all fields, and with the required ones only: optional fields may be refused before the id is looked at. */
function inputsFor(tool: AnyTool, ref: string): unknown[] {
  const schema = z.toJSONSchema(tool.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema & {
    required?: string[]
  }
  const full = inputWith(schema, ref) as Record<string, unknown>
  const required = Object.fromEntries(
    Object.entries(full).filter(([name]) => schema.required?.includes(name)),
  )
  return Object.keys(required).length === Object.keys(full).length ? [full] : [full, required]
}

describeOnBothDatabases('tenancy', (kind) => {
  let server: TestPlatform
  let upstream: Server
  let theirs: Tenant
  let ours: Tenant
  let planted: Planted
  let neighbour: Planted

  beforeAll(async () => {
    upstream = createServer((_req, res) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(`{"mark":"${MARK}"}`),
    )
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    server = await startTestPlatform(kind, { PATCHBAY_RATE_LIMIT_PER_MINUTE: '1000000' })
    ours = await server.organization('ours')
    theirs = await server.organization(`${MARK} theirs`)
    const address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    planted = await plant(theirs, address, 'marked')
    neighbour = await plant(theirs, address, 'neighbour')
    // No model is configured here, so nobody uses one.
    const { organizationId } = theirs
    const runId = `run_${MARK}`
    await server.platform.db.tenant({ organizationId, customerIds: null }, async (tx) => {
      await addModelUsage(tx, {
        ...{ organizationId, runId, model: MARK, durationMs: 1, calls: 1, steps: 1 },
        ...{ input_tokens: 7, cached_input_tokens: 0, output_tokens: 7, cost_usd: 1 },
      })
      const held = { organizationId, runId, tokens: 7, cost_usd: 1, steps: 1 }
      await insertModelReservation(tx, { id: `mres_${MARK}`, ...held }, 3_600)
      const anyRun = await tx.row<{ id: string }>('SELECT id FROM agent_runs LIMIT 1')
      const run = { id: anyRun?.id ?? '', organization_id: organizationId, customer_id: null }
      const request = { system: MARK, messages: [], maxTokens: 1, preferences: { intelligence: 1, speed: 1 } }
      await insertModelRequest(tx, run, `mreq_${MARK}`, request)
      // Nothing subscribes at an app here.
      for (const { refs, customerId } of [planted, neighbour]) {
        // Nothing was imported from an address either.
        const [connectorId = '', apiKeyId = ''] = ['con_', 'key_'].map((kind) =>
          refs.find((ref) => ref.startsWith(kind)),
        )
        await setDriftWatch(tx, { connectorId, organizationId, apiKeyId, everyHours: 720 })
        await noteDriftLook(tx, connectorId, { inMs: 86_400_000, failures: 1, problem: MARK })
        const triggerId = refs.find((ref) => ref.startsWith('trg_')) ?? ''
        await setUpkeep(tx, { triggerId, organizationId, customerId }, { dueAt: null, problem: MARK })
        await setTriggerSecret(tx, triggerId, MARK)
        await keepPreviousSecret(tx, triggerId, new Date(Date.now() + 3_600_000))
        await setTriggerSecret(tx, triggerId, null)
      }
    })
  })
  afterAll(async () => {
    await server.close()
    upstream.close()
  })

  /** Of the tables, those there are: vectors are kept only where the server has the extension for them. */
  let present: string[] = []
  beforeAll(async () => {
    const { organizationId } = theirs
    const rows = await server.platform.db.read({ organizationId, customerIds: null }, (tx) =>
      tx.rows<{ name: string }>(
        'SELECT name FROM unnest($1::text[]) name WHERE to_regclass(name) IS NOT NULL',
        [tables],
      ),
    )
    present = rows.map(({ name }) => name)
    expect(tables.filter((table) => !present.includes(table)).join()).toMatch(/^(doc_embeddings)?$/)
  })

  /** Everything the tenant has, as text: what must be the same before and after. */
  const contents = (customerId: string | null) =>
    server.platform.db.read(
      { organizationId: theirs.organizationId, customerIds: customerId === null ? null : [customerId] },
      async (tx) => {
        const texts: string[] = []
        for (const table of present) {
          const rows = await tx.rows<{ row: string }>(
            `SELECT to_jsonb(t) - 'last_used_at' AS row FROM ${table} t`,
          )
          texts.push(...rows.map(({ row }) => `${table} ${JSON.stringify(row)}`))
        }
        return texts.sort()
      },
    )

  /** Calls every tool with every ref in every place, several at a time; gives what `judge` finds wrong. */
  async function tryEverything(
    tenant: Tenant,
    key: string,
    refs: readonly string[],
    judge: (answer: { tool: AnyTool; ref: string; status: number; text: string }) => boolean,
  ): Promise<string[]> {
    const wrong: string[] = []
    const calls = server.platform.registry.all.flatMap((tool) =>
      refs.flatMap((ref) => inputsFor(tool, ref).map((input) => ({ tool, ref, input }))),
    )
    const lane = async () => {
      for (let next = calls.pop(); next !== undefined; next = calls.pop()) {
        const { tool, ref, input } = next
        const { status, body } = await tenant.call(tool.name, input as object, key).catch((cause: Error) => {
          throw new Error(`${tool.name} ${JSON.stringify(input).slice(0, 200)} was not answered`, { cause })
        })
        const text = JSON.stringify(body)
        // Agents that need a model say so here, where none is configured.
        const withoutModel = status === 503 && text.includes('No model is configured')
        if ((status >= 500 && !withoutModel) || judge({ tool, ref, status, text })) {
          wrong.push(`${tool.name} ${JSON.stringify(input).slice(0, 200)} → ${status} ${text.slice(0, 200)}`)
        }
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return wrong
  }

  test('no tool shows or changes anything of another organization, whatever ids it is given', {
    timeout: 360_000,
  }, async () => {
    const before = await contents(null)
    for (const table of present)
      expect(
        before.some((text) => text.startsWith(`${table} `)),
        table,
      ).toBe(true)
    expect(before.length).toBeGreaterThan(20)
    expect(
      await tryEverything(ours, ours.ownerKey, planted.refs, ({ text, ref }) =>
        text.replaceAll(ref, '').includes(MARK),
      ),
    ).toEqual([])
    expect(await contents(null)).toEqual(before)
  })

  test('another organization’s ids are not found, not forbidden', async () => {
    const [customer] = planted.refs
    for (const [tool, input] of [
      ['get_customer', { customer }],
      ['get_connector', { connector: planted.refs[2] }],
      ['get_workflow', { workflow: planted.refs.find((ref) => ref.startsWith('wf_')) }],
      ['get_execution', { execution: planted.refs.find((ref) => ref.startsWith('exec_')) }],
      ['get_event', { event: planted.refs.find((ref) => ref.startsWith('evt_')) }],
      ['get_connection', { connection: planted.refs.find((ref) => ref.startsWith('cxn_')) }],
      ['get_oauth_app', { oauthApp: planted.refs.find((ref) => ref.startsWith('oap_')) }],
      ['get_connect_link', { link: planted.refs.find((ref) => ref.startsWith('cl_')) }],
      ['get_agent_run', { run: planted.refs.find((ref) => ref.startsWith('run_')) }],
      ['get_file', { file: planted.refs.find((ref) => ref.startsWith('file_')) }],
      ['get_trigger', { trigger: planted.refs.find((ref) => ref.startsWith('trg_')) }],
    ] as const) {
      const { status, body } = await ours.call(tool, input)
      expect([tool, status, body.code]).toEqual([tool, 404, 'not_found'])
    }
  })

  test('an end user of one customer sees and changes nothing of another customer', {
    timeout: 360_000,
  }, async () => {
    const key = await theirs.key({ role: 'end_user', customerIds: [neighbour.customerId] })
    const before = await contents(planted.customerId)
    // What both share (connectors, workflows) bears the mark too: here the other customer's own ids must not show.
    const others = planted.refs.filter((ref) => /^(cus|cxn|oau|evt|exec|dlq|trc|trg|file|cl)_/.test(ref))
    const wrong = await tryEverything(theirs, key, others, ({ tool, ref, status, text }) => {
      const shown = others.some((other) => other !== ref && text.includes(other))
      const found = status < 300 && tool.effect === 'read' && tool.toolset !== 'catalog' && text.includes(ref)
      return shown || found
    })
    expect(wrong).toEqual([])
    expect(await contents(planted.customerId)).toEqual(before)
  })
})
