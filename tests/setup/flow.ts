import { type Body, eventually, type Tenant } from './platform.ts'

/** A connector `app` whose only actions are `read_thing` and `write_thing` of the given server. */
export async function installApp(tenant: Tenant, baseUrl: string): Promise<void> {
  await tenant.ok('import_spec', {
    slug: 'app',
    baseUrl,
    spec: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'App', version: '1' },
      paths: {
        '/things/{id}': {
          get: {
            operationId: 'read_thing',
            parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
            responses: { 200: { description: 'ok' } },
          },
          put: {
            operationId: 'write_thing',
            parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
            requestBody: {
              content: {
                'application/json': { schema: { type: 'object', properties: { name: { type: 'string' } } } },
              },
            },
            responses: { 200: { description: 'ok' } },
          },
        },
      },
    }),
  })
}

/** Creates, publishes and deploys a workflow; gives its slug. */
export async function deployWorkflow(
  tenant: Tenant,
  slug: string,
  code: string,
  settings: object = {},
): Promise<string> {
  await tenant.ok('create_workflow', { name: slug, slug, code, ...settings })
  await tenant.ok('publish_workflow', { workflow: slug })
  await tenant.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
  return slug
}

/** A webhook that runs one workflow; gives its address (and secret, if the scheme has one). */
export async function installWebhook(
  tenant: Tenant,
  workflow: string,
  settings: object = { verification: { scheme: 'none' } },
): Promise<{ url: string; secret: string | null; id: string }> {
  const { trigger, secret } = await tenant.ok('create_webhook', {
    name: workflow,
    routes: [{ workflow, environment: 'dev' }],
    ...settings,
  })
  return { url: trigger.webhook.url, secret: secret ?? null, id: trigger.id }
}

export async function deliver(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Body }
}

/** Starts executions in `dev`, and waits for what becomes of them. */
export function executionsOf(tenant: () => Tenant) {
  const get = async (execution: string): Promise<Body> =>
    (await tenant().ok('get_execution', { execution })).execution
  const when = (id: string, holds: (status: string) => boolean): Promise<Body> =>
    eventually(async () => {
      const execution = await get(id)
      return holds(execution.status) && execution
    })
  return {
    get,
    start: async (slug: string, input: unknown = null): Promise<string> =>
      (await tenant().ok('run_workflow', { workflow: slug, environment: 'dev', input })).execution.id,
    ended: (id: string) => when(id, (status) => !['queued', 'running', 'waiting'].includes(status)),
    inStatus: (id: string, wanted: string) => when(id, (status) => status === wanted),
  }
}
