import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { countTokens } from 'gpt-tokenizer'
import { type Actor, scopeOf } from '../core/actor.ts'
import type { JsonObject } from '../core/json.ts'
import { getActionDefinitions, getEditionSchemas, listConnectedApps } from '../db/action-documents.ts'
import { actionOf, schemasOf } from '../runtime/connections/definitions.ts'
import type { Platform } from '../server/compose.ts'
import { toActionTool } from '../server/mcp/gateway/action-tool.ts'
import { buildCatalogues } from '../server/mcp/gateway/catalogue.ts'
import { buildGateway } from '../server/mcp/gateway/gateway-door.ts'
import { openGateway } from '../server/mcp/gateway/session.ts'
import { figures } from './measure.ts'
import { heldOut, type SearchPair, tuned } from './search-pairs.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const SPECS: Record<SearchPair['app'], string> = {
  github: here('../node_modules/@octokit/openapi/generated/api.github.com.json'),
  stripe: here('../../shared/data/specs/openapi3/stripe.yaml'),
  slack: here('../../shared/data/specs/swagger2/slack_web.json'),
  box: here('../../shared/data/specs/openapi3/box.json'),
  square: here('../../shared/data/specs/openapi3/square.json'),
  xero: here('../../shared/data/specs/openapi3/xero_accounting.yaml'),
}
const SHOWN = 50
/** What search_actions returns unless told otherwise. */
const DEFAULT_LIMIT = 8

type Call = (name: string, input: JsonObject) => Promise<Record<string, unknown>>
type Ranking = (pair: SearchPair) => Promise<{ app: string; slug: string; operation: string }[]>

/**
 * Does one sentence find the right operation among all of these APIs at once, how fast, and how many tokens of
 * context does a client spend so, against being shown every operation?
 */
export async function benchSearch(platform: Platform, actor: Actor): Promise<void> {
  const call: Call = (name, input) =>
    platform.services.catalog.call(name, input, { actor, signal: new AbortController().signal })
  const { customer } = (await call('create_customer', { name: 'Bench' })) as { customer: { id: string } }
  const loaded: string[] = []
  for (const [app, file] of Object.entries(SPECS)) {
    if (!existsSync(file)) {
      console.log(`  skipped: ${app} (its description is not here)`)
      continue
    }
    try {
      await call('import_spec', {
        slug: app,
        name: app,
        spec: readFileSync(file, 'utf8'),
        baseUrl: 'https://api.example.com',
      })
    } catch (error) {
      console.log(`  skipped: ${app} (${error instanceof Error ? error.message.slice(0, 100) : error})`)
      continue
    }
    const { connector } = (await call('get_connector', { connector: app })) as {
      connector: { authMethods: { slug: string; credentialFields: { name: string }[] }[] }
    }
    const [method] = connector.authMethods
    await call('create_connection', {
      connector: app,
      customer: customer.id,
      name: app,
      verify: false,
      ...(method === undefined ? {} : { authMethod: method.slug }),
      credentials: Object.fromEntries((method?.credentialFields ?? []).map(({ name }) => [name, 'x'])),
    }).catch((error: Error) => console.log(`  not connected: ${app} (${error.message.slice(0, 120)})`))
    loaded.push(app)
  }

  const scope = scopeOf(actor)
  const operations = await platform.db.read(scope, (tx) =>
    tx.rows<{ app: string; slug: string; operation: string }>(
      "SELECT c.slug AS app, a.slug, (a.definition->>'method') || ' ' || (a.definition->>'path') AS operation FROM actions a JOIN connectors c ON c.id = a.connector_id",
    ),
  )
  const byKey = new Map(operations.map((row) => [`${row.app}.${row.slug}`, row]))
  console.log(`  ${operations.length} operations of ${loaded.join(', ')}`)

  const ours: Ranking = async ({ ask }) => {
    const { actions } = (await call('search_actions', { query: ask, limit: SHOWN })) as {
      actions: { connector: string; action: string }[]
    }
    return actions.flatMap(({ connector, action }) => byKey.get(`${connector}.${action}`) ?? [])
  }
  const startedAt = performance.now()
  await call('search_actions', { query: 'warm up' })
  console.log(`  first search, with building the index: ${(performance.now() - startedAt).toFixed(0)} ms`)
  const postgres: Ranking = ({ ask }) => platform.db.read(scope, (tx) => fullText(tx, ask))
  for (const [name, pairs] of [
    ['tuned', tuned],
    ['held out', heldOut],
  ] as const) {
    const usable = pairs.filter(({ app }) => loaded.includes(app))
    await report(`search_actions, ${name}`, usable, ours)
    await report(`Postgres full text, ${name}`, usable, postgres, false)
  }
  await tokens(platform, actor, customer.id, call)
}

/** The baseline, not timed (it has no index here): what a database's own search gives, words of the name weighing more than the description's. */
const fullText = (tx: Parameters<Parameters<Platform['db']['read']>[1]>[0], ask: string) =>
  tx.rows<{ app: string; slug: string; operation: string }>(
    `WITH q AS (SELECT plainto_tsquery('english', $1) AS every_word, replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery AS any_word),
     documents AS (SELECT c.slug AS app, a.slug, (a.definition->>'method') || ' ' || (a.definition->>'path') AS operation,
       setweight(to_tsvector('english', replace(a.slug, '_', ' ') || ' ' || c.slug), 'A') || setweight(to_tsvector('english', a.name), 'A')
         || setweight(to_tsvector('english', a.description), 'B') AS search
       FROM actions a JOIN connectors c ON c.id = a.connector_id)
     SELECT app, slug, operation FROM documents, q WHERE search @@ any_word
     ORDER BY ts_rank_cd(search, every_word, 1) * 4 + ts_rank(search, any_word, 1) DESC, slug LIMIT ${SHOWN}`,
    [ask],
  )

async function report(
  name: string,
  pairs: readonly SearchPair[],
  rank: Ranking,
  timed = true,
): Promise<void> {
  const ranks: number[] = []
  const times: number[] = []
  for (const pair of pairs) {
    const startedAt = performance.now()
    const found = await rank(pair)
    times.push(performance.now() - startedAt)
    ranks.push(
      found.findIndex(
        ({ app, slug, operation }) =>
          app === pair.app && (pair.accept.includes(operation) || pair.accept.includes(slug)),
      ) + 1,
    )
  }
  const share = (max: number) => ranks.filter((rank) => rank > 0 && rank <= max).length / ranks.length
  const mrr = ranks.reduce((sum, rank) => sum + (rank > 0 ? 1 / rank : 0), 0) / ranks.length
  const { p50Ms, p99Ms } = figures(times, 1)
  console.log(
    `  ${name.padEnd(34)} n ${String(pairs.length).padStart(3)}   recall@1 ${share(1).toFixed(2)}   recall@5 ${share(5).toFixed(2)}   recall@${DEFAULT_LIMIT} ${share(DEFAULT_LIMIT).toFixed(2)}   MRR ${mrr.toFixed(2)}${timed ? `   p50 ${p50Ms.toFixed(1)} ms   p99 ${p99Ms.toFixed(1)} ms` : ''}`,
  )
}

/** What stands in a client's context, as JSON: a list once, and the answers of the calls it makes to find its way. */
async function tokens(platform: Platform, actor: Actor, customerId: string, call: Call): Promise<void> {
  const session = await openGateway(platform.db, actor, {
    customer: customerId,
    connectors: null,
    readOnly: false,
  })
  const listed = await buildGateway(platform)(session).listTools()
  const everything = await everyActionAsTool(platform, actor, customerId)
  const ask = tuned[0]?.ask ?? ''
  const search = await call('search_actions', { query: ask, customer: customerId })
  const [first] = search.actions as { connector: string; action: string }[]
  const describe = await call('describe_action', {
    connector: first?.connector ?? '',
    action: first?.action ?? '',
    customer: customerId,
  })
  const run = {
    name: 'run_action',
    arguments: {
      connector: first?.connector,
      action: first?.action,
      input: { owner: 'o', repo: 'r', title: 't' },
    },
  }
  const count = (value: unknown) => countTokens(JSON.stringify(value))
  const parts = { list: count(listed), search: count(search), describe: count(describe), run: count(run) }
  const gateway = Object.values(parts).reduce((sum, n) => sum + n, 0)
  const all = count(everything)
  console.log(
    `  tokens with the gateway: ${gateway} (its list of ${listed.length} tools ${parts.list}, a search ${parts.search}, a description ${parts.describe}, a call ${parts.run})`,
  )
  console.log(
    `  tokens with each of ${everything.length} actions listed, as short as the gateway's own tools: ${all}`,
  )
  console.log(`  ratio ${(all / gateway).toFixed(0)} : 1`)
}

async function everyActionAsTool(platform: Platform, actor: Actor, customerId: string): Promise<object[]> {
  const session = await openGateway(platform.db, actor, {
    customer: customerId,
    connectors: null,
    readOnly: false,
  })
  return platform.db.read(scopeOf(session.actor), async (tx) => {
    const all = (await buildCatalogues(new Set()).load(tx, session)).ranked([], Number.POSITIVE_INFINITY)
    const tools: object[] = []
    for (const app of await listConnectedApps(tx, customerId)) {
      const own = all.filter((action) => action.app.id === app.id)
      const schemas = schemasOf(await getEditionSchemas(tx, app))
      const rows = await getActionDefinitions(
        tx,
        app,
        own.map(({ document }) => document.slug),
      )
      const definitions = new Map(rows.map((row) => [row.slug, actionOf(row)]))
      for (const action of own) {
        const definition = definitions.get(action.document.slug)
        if (definition !== undefined) tools.push(toActionTool(action, definition, schemas))
      }
    }
    return tools
  })
}
