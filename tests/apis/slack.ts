import { existsSync, readFileSync } from 'node:fs'
import { createEmulator, type Emulator } from 'emulate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consent, fails, run, sharedSpec, type World } from './world.ts'

const spec = sharedSpec('swagger2/slack_web.json')

/** Slack: its own Swagger 2.0 description, OAuth with comma-separated scopes, errors inside a 200, cursors in the body. */
export const describeSlack = (world: () => World) =>
  describe.skipIf(!existsSync(spec))('Slack (needs ../shared/data)', () => {
    let slack: Emulator
    beforeAll(async () => {
      const { tenant, publicUrl } = world()
      slack = await createEmulator({
        service: 'slack',
        port: 0,
        seed: {
          slack: {
            strict_scopes: true,
            users: Array.from({ length: 7 }, (_, i) => ({ name: `user${i}`, real_name: `User ${i}` })),
            oauth_apps: [
              {
                client_id: '1.2',
                client_secret: 'slack-secret',
                name: 'Patchbay',
                redirect_uris: [`${publicUrl}/oauth/callback`],
              },
            ],
          },
        },
      })
      await tenant.ok('import_spec', {
        spec: readFileSync(spec, 'utf8'),
        slug: 'slack',
        baseUrl: `${slack.url}/api`,
      })
      await tenant.ok('update_connector', {
        connector: 'slack',
        authMethods: [
          {
            slug: 'slackAuth',
            type: 'oauth2',
            name: 'Slack',
            flow: 'authorization_code',
            authorizationUrl: `${slack.url}/oauth/v2/authorize`,
            tokenUrl: `${slack.url}/api/oauth.v2.access`,
            clientAuthentication: 'client_secret_post',
            scopeSeparator: ',',
            pkce: false,
            defaultScopes: ['chat:write', 'channels:read', 'channels:history', 'users:read'],
          },
        ],
        errors: [{ when: { ok: false }, message: 'error' }],
        expiry: { field: 'body.error', op: 'in', value: ['token_expired', 'invalid_auth', 'token_revoked'] },
      })
      const { oauthApp } = await tenant.ok('create_oauth_app', {
        name: 'Slack app',
        clientId: '1.2',
        clientSecret: 'slack-secret',
        connectors: [{ connector: 'slack', authMethod: 'slackAuth' }],
      })
      expect(JSON.stringify(oauthApp)).not.toContain('slack-secret')
      const { url } = await tenant.ok('start_oauth', { connector: 'slack' })
      expect(new URL(url).searchParams.get('scope')).toBe(
        'chat:write,channels:read,channels:history,users:read',
      )
      const callback = await fetch(await consent(url, '<form'))
      expect(callback.status).toBe(200)
      // The emulator, unlike Slack, takes these by POST only, with a form.
      const asForm = {
        method: 'POST',
        effect: 'read',
        parameters: [],
        body: { contentType: 'application/x-www-form-urlencoded' },
      }
      await tenant.ok('update_action', { connector: 'slack', action: 'conversations_history', ...asForm })
      await tenant.ok('update_action', {
        connector: 'slack',
        action: 'users_list',
        ...asForm,
        pagination: {
          type: 'cursor',
          parameter: 'cursor',
          sizeParameter: 'limit',
          next: 'response_metadata.next_cursor',
          items: 'members',
        },
      })
    })
    afterAll(() => slack?.close())

    test('the account connected with the scopes that were granted', async () => {
      const { tenant } = world()
      const { connections } = await tenant.ok('list_connections', { connector: 'slack' })
      expect(connections).toMatchObject([{ status: 'active', authMethod: 'slackAuth' }])
      expect(connections[0].scopes.toSorted()).toEqual(
        ['chat:write', 'channels:read', 'channels:history', 'users:read'].toSorted(),
      )
    })

    test('a message is posted and read back', async () => {
      const { tenant } = world()
      const posted = await run(tenant, 'slack', 'chat_post_message', {
        channel: 'C000000001',
        text: 'hej & <ho> 👋',
      })
      expect(posted.output).toMatchObject({ ok: true })
      const history = await run(tenant, 'slack', 'conversations_history', { channel: 'C000000001' })
      expect(history.output.messages[0].text).toBe('hej & <ho> 👋')
    })

    test('an error inside a 200 is an error, with what Slack called it', async () => {
      const { tenant } = world()
      const error = await fails(tenant, 'slack', 'chat_post_message', { channel: 'C404', text: 'x' })
      expect(error).toMatchObject({ code: 'upstream_error' })
      expect(error.detail ?? error.message).toContain('channel_not_found')
    })

    test('users are collected over the cursors of response_metadata', async () => {
      const { tenant } = world()
      const { collected } = await run(
        tenant,
        'slack',
        'users_list',
        { limit: 3 },
        { collect: { maxItems: 100 } },
      )
      const names: string[] = collected.items.map((user: { name: string }) => user.name)
      expect(names.filter((name) => name.startsWith('user')).toSorted()).toEqual(
        Array.from({ length: 7 }, (_, i) => `user${i}`),
      )
      expect(collected.complete).toBe(true)
    })
  })
