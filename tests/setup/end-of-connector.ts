import type { AgentServer } from './kill-at-every-node.ts'
import { toldByRun } from './told-by-run.ts'

/**
 * How a run that makes or changes one connector leaves its organization: connectors, the definition with actions and events,
 * versions, documentation, the changes the audit log has, and what the run told. Addresses of this machine are `host`, passages of documentation `dch`. Not
 * counted in the log: calls that changed nothing, which are made again (failures; import_spec has previews among it, and
 * versions tell of its imports).
 */
export const endOfConnector = (slug: string) => async (server: AgentServer) => {
  const { ok } = server
  const { connectors } = await ok('list_connectors')
  const { definition } = await ok('export_connector', { connector: slug })
  const { current, versions } = await ok('list_connector_versions', { connector: slug })
  const { sources } = await ok('list_api_docs')
  const { entries } = await ok('list_audit_log', { limit: 200 })
  const end = {
    connectors: connectors.map((one: Record<string, unknown>) => `${one.slug} ${one.revision}`),
    definition,
    current,
    versions: versions.map((one: Record<string, unknown>) => `${one.version} ${one.origin}`),
    docs: sources.map(({ title }: Record<string, unknown>) => title),
    changes: entries
      .map(({ action, outcome }: Record<string, unknown>) => `${action} ${outcome}`)
      .filter((entry: string) => entry.endsWith(' success') && !/agent_run|import_spec/.test(entry))
      .toSorted(),
    told: await toldByRun(server),
  }
  return JSON.parse(
    JSON.stringify(end)
      .replaceAll(/127\.0\.0\.1:\d+/g, 'host')
      .replaceAll(/dch_[0-9a-f]{28}/g, 'dch'),
  )
}
