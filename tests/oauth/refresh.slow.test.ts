import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type AuthorizationServer, CLIENT, startAuthorizationServer } from '../setup/authorization-server.ts'
import { createTestDatabase, type TestDatabase } from '../setup/database.ts'
import { type Body, eventually } from '../setup/platform.ts'
import { type ServerProcess, startServerProcess } from '../setup/server-process.ts'
import { startUpstream, type Upstream } from '../setup/upstream.ts'

const CALLS = 50

describe.skipIf(inject('postgresUrl') === null)(
  'two servers on one database (needs a Postgres server)',
  () => {
    let database: TestDatabase
    let servers: [ServerProcess, ServerProcess]
    let provider: AuthorizationServer
    let product: Upstream

    beforeAll(async () => {
      database = await createTestDatabase('postgres')
      const first = await startServerProcess(database)
      const second = await startServerProcess({ ...database, dataDir: `${database.dataDir}-2` })
      servers = [first, second]
      product = await startUpstream()
      provider = await startAuthorizationServer(`${first.url}/oauth/callback`)
      await first.ok('create_connector', {
        name: 'App',
        slug: 'app',
        baseUrl: `${provider.url}/api`,
        authMethods: [
          {
            slug: 'oauth',
            type: 'oauth2',
            name: 'Sign in',
            authorizationUrl: `${provider.url}/auth`,
            tokenUrl: `${provider.url}/token`,
            defaultScopes: ['openid'],
          },
        ],
      })
      await first.ok('create_action', {
        connector: 'app',
        slug: 'me',
        name: 'Me',
        method: 'GET',
        path: '/me',
      })
      await first.ok('create_oauth_app', {
        name: 'App',
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        connectors: [{ connector: 'app' }],
      })
      await first.ok('create_webhook_endpoint', { url: product.url, eventTypes: ['connection.expired'] })
      const { url } = await first.ok('start_oauth', { connector: 'app' })
      const answer = await fetch(await provider.consent(url))
      expect(answer.status).toBe(200)
    })
    afterAll(async () => {
      for (const { child } of servers ?? []) {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
      await provider?.close()
      await product?.close()
      await database?.drop()
    })

    const callAll = (): Promise<PromiseSettledResult<Body>[]> =>
      Promise.allSettled(
        servers.flatMap((server) =>
          Array.from({ length: CALLS }, () => server.ok('run_action', { connector: 'app', action: 'me' })),
        ),
      )
    const refreshes = () =>
      provider.tokenRequests.filter((request) => request.get('grant_type') === 'refresh_token')

    test('100 calls at once on an expired token make one refresh, five times over with rotation', async () => {
      for (let round = 1; round <= 5; round++) {
        await servers[0].ok('run_action', { connector: 'app', action: 'me' })
        await servers[1].ok('run_action', { connector: 'app', action: 'me' })
        await provider.expireAccessTokens()
        const before = refreshes().length
        const results = await callAll()
        expect([round, results.filter(({ status }) => status === 'rejected').length]).toEqual([round, 0])
        expect([round, refreshes().length - before]).toEqual([round, 1])
      }
      // Rotation: no refresh token was used twice, or the server would have ended the grant.
      const used = refreshes().map((request) => request.get('refresh_token'))
      expect(new Set(used).size).toBe(used.length)
    })

    test('a run under way goes on with the new token', async () => {
      await servers[1].ok('create_workflow', {
        name: 'Twice',
        slug: 'twice',
        tier: 'instant',
        code: `export default async (ctx) => {
        const first = await ctx.connectors.app.me({})
        await ctx.fetch('${product.url}/between')
        const second = await ctx.connectors.app.me({})
        return [first.token, second.token]
      }`,
      })
      await servers[1].ok('publish_workflow', { workflow: 'twice' })
      await servers[1].ok('deploy_workflow', { workflow: 'twice', environment: 'dev' })
      let expired = false
      product.answer = ({ path }) => {
        if (path === '/between' && !expired) {
          expired = true
          void provider.expireAccessTokens()
        }
        return { status: 200, body: {} }
      }
      const { execution } = await servers[1].ok('run_workflow', { workflow: 'twice', environment: 'dev' })
      expect(execution.status).toBe('completed')
      expect(execution.output[0]).not.toBe(execution.output[1])
    })

    test('a grant that has ended expires the connection once, and the product hears of it once', async () => {
      await servers[0].ok('run_action', { connector: 'app', action: 'me' })
      await provider.expireAccessTokens()
      provider.endGrants()
      const before = refreshes().length
      const results = await callAll()
      expect(results.filter(({ status }) => status === 'fulfilled')).toEqual([])
      expect(refreshes().length - before).toBe(1)
      const { connections } = await servers[1].ok('list_connections', { connector: 'app' })
      expect(connections).toMatchObject([{ status: 'expired' }])
      const told = () =>
        product.received.filter(({ body }) => body !== '' && JSON.parse(body).type === 'connection.expired')
      await eventually(() => Promise.resolve(told().length > 0))
      expect(told()).toHaveLength(1)
    })
  },
)
