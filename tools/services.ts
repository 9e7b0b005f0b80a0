import type { Actor, TenantScope } from '../core/actor.ts'
import type { JsonObject } from '../core/json.ts'
import type { ApiKeys } from '../runtime/access/api-keys.ts'
import type { ConnectLinks } from '../runtime/connect-links/connect-links.ts'
import type { Connections } from '../runtime/connections/connections.ts'
import type { DocsIndex } from '../runtime/docs-index/docs-index.ts'
import type { Executions } from '../runtime/executions/executions.ts'
import type { Files } from '../runtime/files/files.ts'
import type { HttpClient } from '../runtime/http/client.ts'
import type { OAuth } from '../runtime/oauth/oauth.ts'
import type { Schedules } from '../runtime/schedules/schedules.ts'
import type { ActionSearch } from '../runtime/search/action-search.ts'
import type { Vault } from '../runtime/vault/vault.ts'
import type { AgentRuns } from './agents/agent-runs.ts'
import type { AnyTool, CallKeeper, ClientModel } from './define-tool.ts'

/** What the composition root builds once and every tool may use. */
export interface Services {
  vault: Vault
  http: HttpClient
  apiKeys: ApiKeys
  /** Resolves connections and runs connector actions with them. */
  connections: Connections
  /** Content too large or too binary for JSON. */
  files: Files
  /** Starts, cancels and replays executions. */
  executions: Executions
  /** Links by which a person connects an account on a page. */
  connectLinks: ConnectLinks
  /** Connects accounts by OAuth 2.0. */
  oauth: OAuth
  /** Runs schedulers. */
  schedules: Pick<Schedules, 'runNow'>
  /** Starts, answers and stops runs of agents. */
  agents: AgentRuns
  /** Finds actions by what they do. */
  actionSearch: ActionSearch
  /** Finds passages of API documentation. */
  docsIndex: DocsIndex
  /** The registry as an actor may see it; how `call_tool` reaches other tools. */
  catalog: Catalog
  /** The address of this server that third parties can reach, without a trailing slash. */
  publicUrl(): string
  /** Says that the tools, connectors or connections an organization's clients see have changed. */
  changed(scope: TenantScope, what: 'tools' | 'resources'): void
}

export interface Catalog {
  visibleTo(actor: Actor): readonly AnyTool[]
  call(
    name: string,
    input: JsonObject,
    caller: { actor: Actor; signal: AbortSignal; keeper?: CallKeeper; clientModel?: ClientModel | undefined },
  ): Promise<Record<string, unknown>>
}
