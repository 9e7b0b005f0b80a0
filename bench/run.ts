/**
 * `npm run bench`: how far Patchbay is from the limits it is built on, measured in one run on one machine and
 * printed as ratios. Absolute figures vary with the machine; the ratios are what to watch.
 *   npm run bench              all
 *   npm run bench -- mcp queue only these: mcp, action, sandbox, queue, search, tools, docs, import, scale, history
 *   npm run bench -- queue postgres   on one backend: embedded, postgres, redis
 *   npm run bench -- history 10000000   so many executions (takes 15 minutes and 15 GB); 200,000 if not said
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { readConfig } from '../core/config.ts'
import { buildLogger } from '../core/log.ts'
import { compose } from '../server/compose.ts'
import { startPostgres } from '../tests/setup/postgres-server.ts'
import { type Child, startChild } from './child.ts'
import { benchDocs } from './docs.ts'
import { benchHistory } from './history.ts'
import { benchImport } from './import.ts'
import { closedLoop, compare, type Figures } from './measure.ts'
import { benchQueue, createDatabases } from './queue.ts'
import { benchSandbox } from './sandbox.ts'
import { benchScale } from './scale.ts'
import { benchSearch } from './search.ts'
import { benchTools } from './tools.ts'

const ROUNDS = 3
const OWNER_KEY = `pk_live_${'b'.repeat(43)}`
const MASTER_KEY = Buffer.alloc(32, 1).toString('base64')
const wanted = process.argv.slice(2)
const wants = (name: string) => wanted.length === 0 || wanted.includes(name)
const HISTORY_ROWS = 200_000
const folders: string[] = []
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-bench-'))
  folders.push(folder)
  return folder
}

const row = (name: string, { perSecond, p50Ms, p99Ms }: Figures) =>
  console.log(
    `  ${name.padEnd(52)} ${perSecond.toFixed(0).padStart(7)}/s   p50 ${p50Ms.toFixed(2).padStart(7)} ms   p99 ${p99Ms.toFixed(2).padStart(7)} ms`,
  )

function startServer(env: Record<string, string>): Promise<Child> {
  return startChild('../server/main.ts', {
    PATCHBAY_PORT: '0',
    PATCHBAY_DATA_DIR: newFolder(),
    PATCHBAY_LOG_LEVEL: 'error',
    PATCHBAY_API_KEY: OWNER_KEY,
    PATCHBAY_MASTER_KEY: MASTER_KEY,
    PATCHBAY_RATE_LIMIT_PER_MINUTE: '100000000',
    PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
    ...env,
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers of tools
async function tool(url: string, name: string, input: object): Promise<any> {
  const response = await fetch(`${url}/api/v1/tools/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })
  if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
  return response.json()
}

/** One `tools/call` of revision 2026-07-28 over a kept-alive connection. */
function mcpCaller(url: string, path: string, name: string, input: object) {
  const pool = new Pool(url, { connections: 16, pipelining: 1 })
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name,
      arguments: input,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  })
  const headers = {
    authorization: `Bearer ${OWNER_KEY}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }
  return {
    call: async () => {
      const { statusCode, body: answer } = await pool.request({ path, method: 'POST', headers, body })
      const text = await answer.text()
      if (statusCode !== 200 || !text.includes('"result"') || text.includes('"isError":true'))
        throw new Error(`${statusCode} ${text}`)
    },
    close: () => pool.close(),
  }
}

async function benchMcp(): Promise<void> {
  console.log('\nMCP tools/call of a read tool, 8 at a time, against a bare SDK server that echoes')
  const [server, bare] = await Promise.all([startServer({}), startChild('./bare-mcp-server.ts')])
  const { customer } = await tool(server.url, 'create_customer', { name: 'Bench' })
  const limit = mcpCaller(bare.url, '/', 'echo', { text: 'hello' })
  for (const [label, name, input] of [
    ['get_customer (a database read)', 'get_customer', { customer: customer.id }],
    ['describe_tool (no database)', 'describe_tool', { name: 'whoami' }],
  ] as const) {
    const ours = mcpCaller(server.url, '/mcp', name, input)
    const result = await compare(
      ROUNDS,
      () => closedLoop(2000, 8, ours.call),
      () => closedLoop(2000, 8, limit.call),
    )
    row(`Patchbay ${label}`, result.ours)
    row('bare SDK echo', result.limit)
    console.log(`  ratio ${result.ratio.toFixed(2)}   (aim ≥ 0.5)`)
    await ours.close()
  }
  await limit.close()
  await Promise.all([server.stop(), bare.stop()])
}

async function composeHere() {
  const config = readConfig({
    PATCHBAY_DATA_DIR: newFolder(),
    PATCHBAY_LOG_LEVEL: 'error',
    PATCHBAY_API_KEY: OWNER_KEY,
    PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
  })
  return compose(config, buildLogger('error'))
}

async function benchAction(): Promise<void> {
  console.log('\nrun_action against a bare undici call to the same server, 8 at a time')
  const [platform, upstream] = await Promise.all([composeHere(), startChild('./upstream.ts')])
  const actor = await platform.apiKeys.authenticate(OWNER_KEY, { door: 'http', ip: undefined })
  const call = (name: string, input: Parameters<typeof platform.services.catalog.call>[1]) =>
    platform.services.catalog.call(name, input, { actor, signal: new AbortController().signal })
  await call('import_spec', {
    slug: 'bench',
    baseUrl: upstream.url,
    spec: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'bench', version: '1' },
      paths: {
        '/widgets/{id}': {
          get: {
            operationId: 'get_widget',
            parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
            responses: { 200: { description: 'ok' } },
          },
        },
      },
    }),
  })
  const pool = new Pool(upstream.url, { connections: 16 })
  const scope = { organizationId: actor.organizationId, customerIds: null }
  const request = { connector: 'bench', action: 'get_widget', input: { id: '1' }, customerId: null }
  const result = await compare(
    ROUNDS,
    () => closedLoop(1500, 8, () => platform.services.connections.runAction(scope, request)),
    () =>
      closedLoop(1500, 8, async () =>
        (await pool.request({ path: '/widgets/1', method: 'GET' })).body.json(),
      ),
  )
  row('Patchbay run_action (checked, authenticated, traced)', result.ours)
  row('bare undici', result.limit)
  console.log(
    `  ratio ${result.ratio.toFixed(2)}   adds ${(result.ours.p50Ms - result.limit.p50Ms).toFixed(2)} ms at p50`,
  )
  await pool.close()
  await upstream.stop()
  await platform.close()
}

async function benchSearchHere(): Promise<void> {
  console.log('\nFinding the right operation from one sentence, over several whole APIs at once')
  const platform = await composeHere()
  const actor = await platform.apiKeys.authenticate(OWNER_KEY, { door: 'http', ip: undefined })
  await benchSearch(platform, actor)
  await platform.close()
}

async function benchHistoryHere(): Promise<void> {
  console.log('\nExecutions among many, against the same among ten thousand, on Postgres')
  const postgres = await startPostgres()
  if (postgres === undefined) return console.log('  skipped: no Postgres server binaries here')
  try {
    await benchHistory(postgres.url, Number(wanted.find((word) => /^\d+$/.test(word)) ?? HISTORY_ROWS))
  } finally {
    await postgres.stop()
  }
}

async function benchDocsHere(): Promise<void> {
  console.log('\nThe passage that answers a question, among whole documentations')
  await benchDocs(newFolder(), process.env)
}

async function benchScaleHere(): Promise<void> {
  console.log(
    '\nThe cost of an event with one customer and workflow, and with many; the memory of idle triggers',
  )
  const postgres = await startPostgres()
  if (postgres === undefined) {
    console.log('  skipped: no Postgres server binaries here')
    return
  }
  await createDatabases(postgres)
  const databaseUrl = postgres.url.replace(/\/postgres$/, '/ours')
  const server = await startServer({ DATABASE_URL: databaseUrl })
  await benchScale(server.url, databaseUrl, server.pid, (name, input) => tool(server.url, name, input))
  await server.stop()
  await postgres.stop()
}

console.log(`Node ${process.version}, ${cpus().length} cores`)
try {
  if (wants('mcp')) await benchMcp()
  if (wants('action')) await benchAction()
  if (wants('sandbox')) await benchSandbox(row)
  if (wants('queue')) await benchQueue({ row, startServer, newFolder, tool, backends: wanted })
  if (wants('search')) await benchSearchHere()
  if (wants('tools')) {
    console.log('\nWishes in people’s words, and the tool that search_tools finds')
    await benchTools()
  }
  if (wants('docs')) await benchDocsHere()
  if (wants('import')) await benchImport()
  if (wants('scale')) await benchScaleHere()
  if (wants('history')) await benchHistoryHere()
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
