import { readFileSync } from 'node:fs'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../../tests/setup/platform.ts'

export interface Issue {
  line: number
  column: number
  message: string
  hint: string
}

export interface TypedWorld {
  server: TestPlatform
  tenant: Tenant
  /** What validate_workflow says of a whole module. */
  validate(code: string): Promise<{ valid: boolean; issues: Issue[] }>
}

/** A server whose organization has the connectors `petstore` (imported) and `shop`, with actions of every kind. */
export async function openTypedWorld(): Promise<TypedWorld> {
  const server = await startTestPlatform()
  const tenant = await server.organization()
  const spec = readFileSync(new URL('../../connectors/testing/petstore.yaml', import.meta.url), 'utf8')
  await tenant.ok('import_spec', { spec, slug: 'petstore' })
  await tenant.ok('create_connector', {
    name: 'Shop',
    slug: 'shop',
    description: 'Sells */ things.',
    baseUrl: 'https://shop.example',
    authMethods: [{ slug: 'none', type: 'no_auth', name: 'None' }],
  })
  const action = (slug: string, more: object) =>
    tenant.ok('create_action', {
      connector: 'shop',
      slug,
      name: slug,
      description: slug,
      path: '/x',
      ...more,
    })
  await action('create_order', {
    method: 'POST',
    body: { contentType: 'application/json', mode: 'merge', required: true },
    inputSchema: {
      type: 'object',
      required: ['sku', 'amount'],
      properties: {
        sku: { type: 'string', description: 'What is */ ordered.' },
        amount: { type: 'integer' },
        state: { enum: ['open', 'paid'] },
        extra: { type: 'object' },
        evil: { tsType: 'any } declare const injected: 1; type X = {', type: 'string' },
        far: { $ref: 'file:///etc/passwd' },
      },
    },
    outputSchema: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  })
  await action('list_orders', {
    parameters: [
      { name: 'page', in: 'query', inputKey: 'page', required: false, style: 'form', explode: true },
    ],
    inputSchema: { type: 'object', properties: { page: { type: 'integer' } } },
    pagination: { type: 'page', parameter: 'page', items: 'data.orders' },
    outputSchema: {
      type: 'object',
      properties: {
        data: {
          type: 'object',
          properties: {
            orders: { type: 'array', items: { type: 'object', properties: { total: { type: 'number' } } } },
          },
        },
      },
    },
  })
  return {
    server,
    tenant,
    validate: async (code) => {
      const answer = await tenant.ok('validate_workflow', { code })
      if (answer.typesUnchecked !== null) throw new Error(answer.typesUnchecked)
      return answer as { valid: boolean; issues: Issue[] }
    },
  }
}
