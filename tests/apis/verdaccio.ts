import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fails, run, type World } from './world.ts'

/** Verdaccio, a real npm registry: described by hand, users with passwords, tokens it issues, JSON and tarballs. */
export const describeVerdaccio = (world: () => World) =>
  describe('Verdaccio', () => {
    let folder: string
    let server: Server
    let url: string
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'patchbay-verdaccio-'))
      const { runServer } = await import('verdaccio')
      server = (await runServer({
        self_path: folder,
        storage: join(folder, 'storage'),
        auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 10 } },
        uplinks: {},
        packages: { '**': { access: '$authenticated', publish: '$authenticated' } },
        log: { type: 'stdout', format: 'json', level: 'fatal' },
      } as never)) as Server
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const registered = await fetch(`${url}/-/user/org.couchdb.user:ann`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'ann', password: 'correct horse' }),
      })
      expect(registered.status).toBe(201)

      const { tenant } = world()
      await tenant.ok('create_connector', {
        name: 'Registry',
        slug: 'registry',
        baseUrl: url,
        authMethods: [{ slug: 'login', type: 'basic_auth', name: 'User and password' }],
      })
      const action = (fields: object) => tenant.ok('create_action', { connector: 'registry', ...fields })
      await action({
        slug: 'whoami',
        name: 'Who am I',
        description: 'Tells the name of the signed-in user.',
        method: 'GET',
        path: '/-/whoami',
        effect: 'read',
        // A wrong password is not refused here: the answer just has no name in it.
        errors: [{ when: { field: 'body.username', op: 'exists', value: false }, code: 'unauthenticated' }],
      })
      await action({
        slug: 'publish_package',
        name: 'Publish a package',
        description: 'Publishes one version of a package.',
        method: 'PUT',
        path: '/{package}',
        effect: 'write',
        parameters: [{ name: 'package', in: 'path', required: true }],
        body: { contentType: 'application/json', mode: 'whole', inputKey: 'manifest', required: true },
      })
      await action({
        slug: 'get_package',
        name: 'Get a package',
        description: 'Reads the manifest of a package with all its versions.',
        method: 'GET',
        path: '/{package}',
        effect: 'read',
        parameters: [{ name: 'package', in: 'path', required: true }],
      })
      await action({
        slug: 'download_tarball',
        name: 'Download a tarball',
        description: 'Downloads one version of a package.',
        method: 'GET',
        path: '/{package}/-/{file}',
        effect: 'read',
        parameters: [
          { name: 'package', in: 'path', required: true },
          { name: 'file', in: 'path', required: true },
        ],
      })
      await tenant.ok('update_connector', {
        connector: 'registry',
        verification: { action: 'whoami', input: {} },
      })
    })
    afterAll(async () => {
      server?.closeAllConnections()
      await new Promise((resolve) => server?.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    })

    test('a wrong password is refused and nothing is stored; the right one connects', async () => {
      const { tenant } = world()
      const wrong = await tenant.call('create_connection', {
        connector: 'registry',
        credentials: { username: 'ann', password: 'wrong' },
      })
      expect(wrong.status).toBeGreaterThanOrEqual(400)
      expect((await tenant.ok('list_connections', { connector: 'registry' })).connections).toEqual([])
      const right = await tenant.ok('create_connection', {
        connector: 'registry',
        credentials: { username: 'ann', password: 'correct horse' },
      })
      expect(right).toMatchObject({ verified: true })
    })

    test('a scoped package is published, read, and its tarball comes back byte for byte', async () => {
      const { tenant } = world()
      const tarball = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31) % 256))
      const manifest = {
        _id: '@acme/tool',
        name: '@acme/tool',
        'dist-tags': { latest: '1.0.0' },
        versions: { '1.0.0': { name: '@acme/tool', version: '1.0.0', dist: { tarball: `${url}/x` } } },
        _attachments: {
          'tool-1.0.0.tgz': {
            content_type: 'application/octet-stream',
            data: tarball.toString('base64'),
            length: tarball.length,
          },
        },
      }
      const published = await run(tenant, 'registry', 'publish_package', { package: '@acme/tool', manifest })
      expect(published.status).toBe(201)
      const read = await run(tenant, 'registry', 'get_package', { package: '@acme/tool' })
      expect(read.output['dist-tags']).toEqual({ latest: '1.0.0' })
      const { output } = await run(tenant, 'registry', 'download_tarball', {
        package: '@acme/tool',
        file: 'tool-1.0.0.tgz',
      })
      expect(output).toMatchObject({ bytes: 5000 })
      const content = await fetch(`${world().publicUrl}/api/v1/files/${output.file}/content`, {
        headers: { authorization: `Bearer ${tenant.ownerKey}` },
      })
      expect(Buffer.from(await content.arrayBuffer()).equals(tarball)).toBe(true)
    })

    test('a package that is not there is a clear error', async () => {
      const { tenant } = world()
      const error = await fails(tenant, 'registry', 'get_package', { package: 'nothing-here' })
      expect(error).toMatchObject({ code: 'upstream_error', data: { status: 404 } })
    })
  })
