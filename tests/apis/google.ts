import { createEmulator, type Emulator } from 'emulate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consent, run, type World } from './world.ts'

/** Google (Gmail): described by hand, OAuth with access_type=offline and refresh tokens, page tokens. */
export const describeGoogle = (world: () => World) =>
  describe('Google', () => {
    let google: Emulator
    beforeAll(async () => {
      const { tenant, publicUrl } = world()
      google = await createEmulator({
        service: 'google',
        port: 0,
        seed: {
          google: {
            users: [{ email: 'ann@example.com', name: 'Ann' }],
            oauth_clients: [
              {
                client_id: 'google-client',
                client_secret: 'google-secret',
                redirect_uris: [`${publicUrl}/oauth/callback`],
              },
            ],
            messages: Array.from({ length: 7 }, (_, i) => ({
              id: `msg_${i}`,
              user_email: 'ann@example.com',
              from: 'shop@example.com',
              to: 'ann@example.com',
              subject: `Order ${i}`,
              body_text: 'Thank you.',
              label_ids: ['INBOX'],
            })),
          },
        },
      })
      await tenant.ok('create_connector', {
        name: 'Gmail',
        slug: 'gmail',
        baseUrl: `${google.url}/gmail/v1`,
        authMethods: [
          {
            slug: 'google',
            type: 'oauth2',
            name: 'Google',
            flow: 'authorization_code',
            authorizationUrl: `${google.url}/o/oauth2/v2/auth`,
            tokenUrl: `${google.url}/oauth2/token`,
            revocationUrl: `${google.url}/oauth2/revoke`,
            clientAuthentication: 'client_secret_post',
            authorizationParameters: { access_type: 'offline', prompt: 'consent' },
            defaultScopes: ['https://www.googleapis.com/auth/gmail.modify'],
          },
        ],
      })
      await tenant.ok('create_action', {
        connector: 'gmail',
        slug: 'list_messages',
        name: 'List messages',
        description: 'Lists the ids of the messages of the mailbox, newest first.',
        method: 'GET',
        path: '/users/me/messages',
        effect: 'read',
        parameters: [
          { name: 'maxResults', in: 'query' },
          { name: 'pageToken', in: 'query' },
          { name: 'q', in: 'query' },
        ],
        pagination: {
          type: 'cursor',
          parameter: 'pageToken',
          sizeParameter: 'maxResults',
          next: 'nextPageToken',
          items: 'messages',
        },
      })
      await tenant.ok('create_action', {
        connector: 'gmail',
        slug: 'get_message',
        name: 'Get a message',
        description: 'Reads one message.',
        method: 'GET',
        path: '/users/me/messages/{id}',
        effect: 'read',
        parameters: [{ name: 'id', in: 'path', required: true }],
      })
      await tenant.ok('create_oauth_app', {
        name: 'Google',
        clientId: 'google-client',
        clientSecret: 'google-secret',
        connectors: [{ connector: 'gmail', authMethod: 'google' }],
      })
      const { url } = await tenant.ok('start_oauth', { connector: 'gmail' })
      expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
        access_type: 'offline',
        code_challenge_method: 'S256',
      })
      const callback = await fetch(await consent(url, 'ann@example.com'))
      expect(callback.status).toBe(200)
    })
    afterAll(() => google?.close())

    test('messages are collected over page tokens and read', async () => {
      const { tenant } = world()
      const { collected } = await run(
        tenant,
        'gmail',
        'list_messages',
        { maxResults: 3 },
        { collect: { maxItems: 100 } },
      )
      expect(collected.items).toHaveLength(7)
      expect(collected.complete).toBe(true)
      const { output: message } = await run(tenant, 'gmail', 'get_message', { id: 'msg_4' })
      expect(JSON.stringify(message)).toContain('Order 4')
    })

    test('the connection knows when its token expires, and is refreshed', async () => {
      const { tenant } = world()
      const { connections } = await tenant.ok('list_connections', { connector: 'gmail' })
      const expiresIn = Date.parse(connections[0].expiresAt) - Date.now()
      expect(expiresIn).toBeGreaterThan(3_000_000)
      expect(expiresIn).toBeLessThanOrEqual(3_600_000)
    })
  })
