import type { Doors } from '../doors.ts'

/** What an organization holds that no task is about: connectors, keys, connections, workflows and the like. */
export async function organizationState(doors: Doors): Promise<Record<string, unknown>> {
  const { connectors } = await doors.call('list_connectors', { limit: 100 })
  const { apiKeys } = await doors.call('list_api_keys')
  const { webhookEndpoints } = await doors.call('list_webhook_endpoints')
  const { secrets } = await doors.call('list_secrets')
  const { workflows } = await doors.call('list_workflows')
  const { connections } = await doors.call('list_connections', { limit: 100 })
  const { organization } = await doors.call('get_organization')
  const slugs = (connectors as { slug: string }[]).map(({ slug }) => slug).toSorted()
  const definitions: Record<string, unknown> = {}
  for (const slug of slugs)
    definitions[slug] = (await doors.call('export_connector', { connector: slug })).definition
  return {
    ...{ connectors: definitions, workflows: workflows.map(({ slug }: { slug: string }) => slug) },
    keys: (apiKeys as { id: string; revokedAt: string | null }[])
      .filter(({ revokedAt }) => !revokedAt)
      .map(({ id }) => id),
    webhookEndpoints: (webhookEndpoints as { url: string }[]).map(({ url }) => url),
    secrets: (secrets as { name: string; updatedAt: string }[]).map(({ name, updatedAt }) => [
      name,
      updatedAt,
    ]),
    connections: (connections as { id: string }[]).map(({ id }) => id),
    organization: organization.name,
  }
}
