import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createEmulator, type Emulator } from 'emulate'
import type { Body, Tenant } from '../setup/platform.ts'

/** What a test of one app needs: a tenant of a running platform, and the platform's address for callbacks. */
export interface World {
  tenant: Tenant
  publicUrl: string
}

const require = createRequire(import.meta.url)

/** The API description GitHub publishes, from npm. */
export const githubSpec = () =>
  readFileSync(require.resolve('@octokit/openapi/generated/api.github.com.json'), 'utf8')

/** A description of the shared test data, which is not part of the project. */
export const sharedSpec = (name: string) =>
  fileURLToPath(new URL(`../../../shared/data/specs/${name}`, import.meta.url))

/** Runs an action and gives its whole answer. */
export const run = (
  tenant: Tenant,
  connector: string,
  action: string,
  input: object = {},
  options: object = {},
): Promise<Body> => tenant.ok('run_action', { connector, action, input, ...options })

/** Runs an action that must fail; gives the error. */
export async function fails(
  tenant: Tenant,
  connector: string,
  action: string,
  input: object = {},
): Promise<Body> {
  const { status, body } = await tenant.call('run_action', { connector, action, input })
  if (status < 400) throw new Error(`${connector}.${action} did not fail: ${JSON.stringify(body)}`)
  return body
}

/** What a person does on an emulator's consent page: chooses an account. Gives the address it sends them back to. */
export async function consent(authorizationUrl: string, account: string): Promise<string> {
  const html = await (await fetch(authorizationUrl)).text()
  const forms = [...html.matchAll(/<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/g)]
  const [, action = '', content = ''] = forms.find(([form]) => form.includes(account)) ?? []
  const fields = [...content.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, value.replaceAll('&amp;', '&')] as [string, string],
  )
  const answer = await fetch(new URL(action, authorizationUrl), {
    method: 'POST',
    body: new URLSearchParams(fields),
    redirect: 'manual',
  })
  const location = answer.headers.get('location')
  if (location === null)
    throw new Error(`No way back from the consent page: ${answer.status} ${html.slice(0, 300)}`)
  return location
}

/** GitHub as `emulate` plays it, with its own description, and an account at it. */
export async function startGithub(
  tenant: Tenant,
): Promise<{ github: Emulator; report: Body; connected: Body }> {
  const github = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { ghp_test: { login: 'acme', scopes: ['repo'] } },
      github: { users: [{ login: 'acme' }], repos: [{ owner: 'acme', name: 'shop', auto_init: true }] },
    },
  })
  const { report } = await tenant.ok('import_spec', {
    spec: githubSpec(),
    slug: 'github',
    baseUrl: github.url,
  })
  await tenant.ok('update_connector', {
    connector: 'github',
    authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Personal access token' }],
    verification: { action: 'users_get_authenticated', input: {} },
  })
  const credentials = { token: 'ghp_test' }
  const connected = await tenant.ok('create_connection', { connector: 'github', credentials })
  return { github, report, connected }
}

export const stripeSpec = sharedSpec('openapi3/stripe.yaml')

/** Stripe as `emulate` plays it, with the description of the shared test data, and an account at it. */
export async function startStripe(tenant: Tenant): Promise<Emulator> {
  const stripe = await createEmulator({ service: 'stripe', port: 0, seed: {} })
  await tenant.ok('import_spec', {
    spec: readFileSync(stripeSpec, 'utf8'),
    slug: 'stripe',
    baseUrl: stripe.url,
  })
  await tenant.ok('create_connection', {
    connector: 'stripe',
    authMethod: 'basicAuth',
    credentials: { username: 'sk_test_patchbay' },
    verify: false,
  })
  return stripe
}
