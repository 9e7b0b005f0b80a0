/**
 * The whole platform in one run, driven from outside through the MCP door as an AI agent would drive it.
 * The app is a stateful emulator of GitHub's API (the npm package `emulate`), the API description is the one
 * GitHub publishes (`@octokit/openapi`).
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createEmulator } from 'emulate'
import { startFaultyProxy } from './faulty-proxy.ts'
import { finish, heading, line, showExecution, step } from './print.ts'
import { startPatchbay } from './server.ts'

// biome-ignore lint/suspicious/noExplicitAny: the demo prints what the tools answer
type Answer = Record<string, any>

const TOKEN = 'ghp_demo_token'
const workflowCode = readFileSync(new URL('./triage.workflow.js', import.meta.url), 'utf8')
const githubSpec = readFileSync(
  createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json'),
  'utf8',
)

const closers: (() => Promise<unknown>)[] = []
try {
  await demo()
  finish()
} finally {
  for (const close of closers.reverse()) await close()
}

async function demo(): Promise<void> {
  heading('Start')
  const github = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: 'acme', scopes: ['repo', 'admin:repo_hook'] } },
      github: {
        users: [{ login: 'acme', name: 'Acme Inc.' }],
        repos: [{ owner: 'acme', name: 'shop', auto_init: true }],
      },
    },
  })
  closers.push(() => github.close())
  const proxy = await startFaultyProxy(github.url)
  closers.push(() => proxy.close())
  step('GitHub emulator runs', `${github.url}, repository acme/shop`)

  const server = await startPatchbay()
  closers.push(() => server.stop())
  const client = new Client({ name: 'patchbay-demo', version: '1.0.0' })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${server.ownerKey}` } },
    }),
  )
  closers.push(() => client.close())
  step('Patchbay runs on a new embedded database, an MCP client is connected', `${server.url}/mcp`)

  const call = async (name: string, input: object): Promise<Answer> => {
    const result = await client.callTool({ name, arguments: { ...input } }, { timeout: 120_000 })
    if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`)
    return (result.structuredContent ?? {}) as Answer
  }

  heading('Build a connector from the API description GitHub publishes')
  const imported = await call('import_spec', {
    spec: githubSpec,
    name: 'GitHub',
    slug: 'github',
    baseUrl: proxy.url,
  })
  step(
    `import_spec read ${imported.report.operations} operations`,
    `${imported.report.imported} actions, ${imported.report.skipped.length} skipped`,
  )
  // The published description does not say how one authenticates.
  await call('update_connector', {
    connector: 'github',
    authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Personal access token' }],
    verification: { action: 'users_get_authenticated', input: {} },
  })
  step('update_connector set the auth method and the call that verifies a credential')

  heading('Connect a customer and try an action')
  const { customer } = await call('create_customer', { name: 'Acme Inc.' })
  step(`create_customer ${customer.name}`, customer.id)
  const { connection } = await call('create_connection', {
    customer: customer.slug,
    connector: 'github',
    credentials: { token: TOKEN },
  })
  step(`create_connection is ${connection.status}: GitHub accepted the token`, 'stored encrypted')
  const repo = await call('run_action', {
    connector: 'github',
    action: 'repos_get',
    customer: customer.slug,
    input: { owner: 'acme', repo: 'shop' },
  })
  step(
    `run_action repos_get found ${repo.output.full_name}`,
    `HTTP ${repo.status} in ${Math.round(repo.durationMs)} ms`,
  )

  heading('Write, publish and deploy a workflow; let GitHub start it')
  const validation = await call('validate_workflow', { code: workflowCode })
  if (!validation.valid) throw new Error(JSON.stringify(validation.issues))
  step(
    'validate_workflow: no issues',
    validation.connectors.map((used: Answer) => `${used.slug}.${used.action}`).join(', '),
  )
  const retry = { maxAttempts: 2, initialIntervalMs: 500 }
  const { workflow } = await call('create_workflow', {
    name: 'Triage issues',
    code: workflowCode,
    tier: 'standard',
    retry,
  })
  await call('publish_workflow', { workflow: workflow.slug })
  await call('deploy_workflow', { workflow: workflow.slug, environment: 'production' })
  step(`create_, publish_ and deploy_workflow put ${workflow.slug} into production`)
  const hook = await call('create_webhook', {
    name: 'Issues of acme/shop',
    customer: customer.slug,
    verification: { scheme: 'github' },
    routes: [{ workflow: workflow.slug, environment: 'production', filter: { 'payload.action': 'opened' } }],
  })
  step('create_webhook made an address that checks GitHub’s signature', hook.trigger.webhook.url)
  await call('run_action', {
    connector: 'github',
    action: 'repos_create_webhook',
    customer: customer.slug,
    input: {
      owner: 'acme',
      repo: 'shop',
      events: ['issues'],
      config: { url: hook.trigger.webhook.url, content_type: 'json', secret: hook.secret },
    },
  })
  step('run_action repos_create_webhook told GitHub about it')

  const openIssue = async (title: string) => {
    const response = await fetch(`${github.url}/repos/acme/shop/issues`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title }),
    })
    return ((await response.json()) as Answer).number as number
  }
  const ended = async (filter: object, known: readonly string[]): Promise<Answer> => {
    for (let tries = 0; tries < 400; tries += 1) {
      const { executions } = await call('list_executions', { workflow: workflow.slug, ...filter })
      const found = executions.find(
        (row: Answer) => !known.includes(row.id) && !['queued', 'running'].includes(row.status),
      )
      if (found !== undefined) return call('get_execution', { execution: found.id })
      await new Promise((next) => setTimeout(next, 50))
    }
    throw new Error('the execution did not end')
  }

  const first = await openIssue('Checkout is broken on mobile')
  const good = await ended({}, [])
  step(`somebody opened issue #${first}: GitHub delivered a signed webhook, the workflow ran`)
  showExecution(good)

  heading('The same again while GitHub is failing')
  const repair = proxy.breakDown(/^POST .*\/comments/)
  const second = await openIssue('Error when paying twice')
  const bad = await ended({}, [good.execution.id])
  step(`issue #${second}: the comment was refused with 503, tried again, and set aside`)
  showExecution(bad)
  const { deadLetters } = await call('call_tool', {
    name: 'list_dead_letters',
    arguments: { status: 'pending' },
  }).then((answer) => answer.result)
  step(`list_dead_letters holds ${deadLetters.length}, with its payload and error`, deadLetters[0].id)

  repair()
  const { execution: replay } = await call('replay_execution', {
    execution: bad.execution.id,
    version: 'same',
  })
  const replayed = await ended({}, [good.execution.id, bad.execution.id])
  step('GitHub is well again: replay_execution ran it once more', replay.id)
  showExecution(replayed)

  const comments = await call('run_action', {
    connector: 'github',
    action: 'issues_list_comments',
    customer: customer.slug,
    input: { owner: 'acme', repo: 'shop', issue_number: second },
  })
  step(`GitHub shows ${comments.output.length} comment on issue #${second}`)
  for (const comment of comments.output) line(`“${comment.body}”`)
}
