import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import type { AppError } from '../../core/errors.ts'
import { type Permission, roleNames, rolePermissions } from '../../core/permissions.ts'
import { revokeApiKey as revokeApiKeyRow } from '../../db/api-keys.ts'
import type { MasterKey } from '../../runtime/vault/master-key.ts'
import { buildVault } from '../../runtime/vault/vault.ts'
import { describeOnEachDatabase } from '../../tests/setup/database.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { createApiKey } from './create-api-key.ts'
import { getOrganization } from './get-organization.ts'
import { listApiKeys } from './list-api-keys.ts'
import { listAuditLog } from './list-audit-log.ts'
import { listEnvironments } from './list-environments.ts'
import { revokeApiKey } from './revoke-api-key.ts'
import { rotateKeys } from './rotate-keys.ts'
import { updateOrganization } from './update-organization.ts'
import { whoami } from './whoami.ts'

interface Created {
  key: string
  apiKey: { id: string; expiresAt: string | null; customerIds: string[] | null; role: string }
}

let world: World
let owner: Actor
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
})
afterAll(() => world.close())

const customer = async (name: string) =>
  (await world.call<{ customer: { id: string } }>(owner, createCustomer, { name })).customer.id

describe('nobody grants what they lack', () => {
  test('a role whose permissions the maker has not all got is refused, naming them', async () => {
    const manager = {
      ...actorLike(owner, 'admin'),
      permissions: new Set<Permission>(['api_keys.manage', ...rolePermissions.viewer]),
    }
    for (const role of roleNames.filter((name) => !['viewer', 'owner', 'end_user'].includes(name))) {
      const error = await world.refused(manager, createApiKey, { name: 'k', role })
      expect(error).toMatchObject({ code: 'forbidden', where: 'role' })
      expect(error.data?.lacking).toContain('connections.execute')
    }
    const made = await world.call<Created>(manager, createApiKey, { name: 'k', role: 'viewer' })
    expect(made.apiKey.role).toBe('viewer')
    const narrowed = await world.call<Created>(manager, createApiKey, {
      name: 'k',
      role: 'operator',
      permissions: ['activity.read'],
    })
    expect(narrowed.apiKey.role).toBe('operator')
  })

  test('only an owner makes owner keys, and only an owner revokes them', async () => {
    const admin = actorLike(owner, 'admin')
    expect(await world.refused(admin, createApiKey, { name: 'k', role: 'owner' })).toMatchObject({
      code: 'forbidden',
    })
    const { apiKey } = await world.call<Created>(owner, createApiKey, { name: 'k', role: 'owner' })
    expect(await world.refused(admin, revokeApiKey, { key: apiKey.id })).toMatchObject({ code: 'forbidden' })
  })

  test('a key limited to customers makes keys limited to those, and sees no others', async () => {
    const [mine, other] = [await customer('Mine'), await customer('Other')]
    const scoped = actorLike(owner, 'admin', [mine])
    expect(
      await world.refused(scoped, createApiKey, { name: 'k', role: 'end_user', customers: [other] }),
    ).toMatchObject({ code: 'not_found' })
    const { apiKey } = await world.call<Created>(scoped, createApiKey, { name: 'k', role: 'viewer' })
    expect(apiKey.customerIds).toEqual([mine])
    const wide = await world.call<Created>(owner, createApiKey, { name: 'wide' })
    const seen = await world.call<{ apiKeys: { id: string }[] }>(scoped, listApiKeys)
    expect(seen.apiKeys.map(({ id }) => id)).toEqual([apiKey.id])
    expect(await world.refused(scoped, revokeApiKey, { key: wide.apiKey.id })).toMatchObject({
      code: 'not_found',
    })
  })

  test('a test key makes test keys only, and a slow key no faster one', async () => {
    expect(
      await world.refused({ ...owner, mode: 'test' }, createApiKey, { name: 'k', mode: 'live' }),
    ).toMatchObject({ code: 'forbidden', where: 'mode' })
    expect(
      await world.refused({ ...owner, ratePerMinute: 10 }, createApiKey, { name: 'k', ratePerMinute: 11 }),
    ).toMatchObject({ code: 'forbidden', where: 'ratePerMinute' })
  })
})

describe('API keys', () => {
  test('a new key works at once, expires in 90 days, and is nowhere to be seen again', async () => {
    const { key, apiKey } = await world.call<Created>(owner, createApiKey, { name: 'CI', role: 'developer' })
    const actor = await world.services.apiKeys.authenticate(key, { door: 'http', ip: undefined })
    expect(actor).toMatchObject({ id: apiKey.id, role: 'developer', mode: 'test' })
    const days = (Date.parse(apiKey.expiresAt ?? '') - Date.now()) / 86_400_000
    expect(days).toBeCloseTo(90, 1)
    const listed = JSON.stringify(await world.call(owner, listApiKeys))
    const audited = JSON.stringify(await world.call(owner, listAuditLog))
    for (const text of [listed, audited, world.logged()]) expect(text).not.toContain(key)
    expect(audited).toContain(apiKey.id)
  })

  test('a revoked key stops at once', async () => {
    const { key, apiKey } = await world.call<Created>(owner, createApiKey, { name: 'gone' })
    await world.services.apiKeys.authenticate(key, { door: 'http', ip: undefined })
    await world.call(owner, revokeApiKey, { key: apiKey.id })
    await expect(
      world.services.apiKeys.authenticate(key, { door: 'http', ip: undefined }),
    ).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('a key another process revoked stops within seconds, however often it is used', async () => {
    const { key, apiKey } = await world.call<Created>(owner, createApiKey, { name: 'busy' })
    const use = () => world.services.apiKeys.authenticate(key, { door: 'http', ip: undefined })
    await use()
    await world.db.tenant(scopeOf(owner), (tx) => revokeApiKeyRow(tx, apiKey.id))
    const refused = async () =>
      use().then(
        () => 'works',
        (error: AppError) => error.code,
      )
    await expect.poll(refused, { timeout: 4_000, interval: 100 }).toBe('unauthenticated')
  })

  test.each([
    [{ ipAllowlist: ['10.0.0.0/33'] }, 'ipAllowlist.0'],
    [{ ipAllowlist: ['example.com'] }, 'ipAllowlist.0'],
    [{ role: 'viewer', permissions: ['connectors.delete'] }, 'permissions'],
    [{ role: 'end_user' }, 'customers'],
    [{ role: 'owner', permissions: ['activity.read'] }, 'role'],
  ])('a key that makes no sense is refused: %j', async (input, where) => {
    expect(await world.refused(owner, createApiKey, { name: 'k', ...input })).toMatchObject({
      code: 'invalid_input',
      where,
    })
  })

  test("another organization's key is not found", async () => {
    const stranger = await world.organization()
    const { apiKey } = await world.call<Created>(stranger, createApiKey, { name: 'theirs' })
    expect(await world.refused(owner, revokeApiKey, { key: apiKey.id })).toMatchObject({ code: 'not_found' })
  })
})

describe('the organization', () => {
  test('whoami tells role, permissions and the customers within reach', async () => {
    const id = await customer('Reachable')
    const me = await world.call(actorLike(owner, 'end_user', [id]), whoami)
    expect(me).toMatchObject({
      role: 'end_user',
      organization: { id: owner.organizationId },
      customers: [{ id, name: 'Reachable', slug: 'reachable' }],
    })
    expect(me.permissions).toHaveLength(9)
    expect(await world.call(owner, whoami)).toMatchObject({ customers: null })
  })

  test('it is renamed by those who may, and has its three environments', async () => {
    await world.call(owner, updateOrganization, { name: 'Renamed' })
    const viewer = actorLike(owner, 'viewer')
    expect(await world.call(viewer, getOrganization)).toMatchObject({ organization: { name: 'Renamed' } })
    expect(await world.refused(viewer, updateOrganization, { name: 'No' })).toMatchObject({
      code: 'forbidden',
    })
    expect(await world.call(viewer, listEnvironments)).toMatchObject({
      environments: [{ slug: 'dev' }, { slug: 'staging' }, { slug: 'production', production: true }],
    })
  })

  test('the audit log tells who did what, denied attempts too, and is for those who may read it', async () => {
    const someone = await world.organization()
    const viewer = actorLike(someone, 'viewer')
    await world.refused(viewer, updateOrganization, { name: 'No' })
    await world.call(someone, updateOrganization, { name: 'Yes' })
    const { entries } = await world.call<{ entries: object[] }>(someone, listAuditLog, {
      action: 'update_organization',
    })
    expect(entries).toMatchObject([
      { outcome: 'success', actor: { id: someone.id }, resource: someone.organizationId },
      { outcome: 'denied', actor: { id: viewer.id }, errorCode: 'forbidden' },
    ])
    expect(await world.refused(viewer, listAuditLog)).toMatchObject({ code: 'forbidden' })
  })

  test('after a change of the master key, rotating makes the old one needless and loses nothing', async () => {
    const someone = await world.organization()
    const { organizationId } = someone
    const [old, fresh] = ['old', 'new'].map((id) => ({ id, key: randomBytes(32) })) as [MasterKey, MasterKey]
    const sealed = await world.db.tenant(scopeOf(someone), (tx) =>
      buildVault(old).seal(tx, organizationId, 'secret:x', 'kept'),
    )
    world.services.vault = buildVault(fresh, [old])
    expect(await world.call(someone, rotateKeys)).toMatchObject({ rewrapped: 1 })
    expect(await world.call(someone, rotateKeys)).toMatchObject({ rewrapped: 0 })
    world.services.vault = world.vault
    const opened = await world.db.read(scopeOf(someone), (tx) =>
      buildVault(fresh).open(tx, organizationId, 'secret:x', sealed),
    )
    expect(opened.reveal()).toBe('kept')
  })
})

test('a key limited to some addresses makes no key that works from others', async () => {
  const office = ['203.0.113.0/24', '2001:db8::/32']
  const limited = await world.call<Created>(owner, createApiKey, {
    name: 'Office',
    role: 'admin',
    mode: 'live',
    ipAllowlist: office,
  })
  const actor: Actor = { ...actorLike(owner, 'admin'), id: limited.apiKey.id }
  const make = { name: 'Another', role: 'viewer' }
  expect(await world.call(actor, createApiKey, make)).toMatchObject({ apiKey: { ipAllowlist: office } })
  const narrower = ['203.0.113.7', '203.0.113.128/25', '2001:db8:1::/48']
  await world.call(actor, createApiKey, { ...make, ipAllowlist: narrower })
  for (const wider of ['198.51.100.1', '203.0.112.0/23', '0.0.0.0/0', '::/0']) {
    const error = await world.refused(actor, createApiKey, { ...make, ipAllowlist: [wider] })
    expect(error).toMatchObject({ code: 'forbidden', where: 'ipAllowlist' })
  }
})

describeOnEachDatabase('the last owner key', (kind) => {
  let here: World
  beforeAll(async () => {
    here = await openWorld(kind)
  })
  afterAll(() => here.close())

  test('the last active owner key cannot be revoked, not even by calls at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const someone = await here.organization()
      const keys = []
      for (const name of ['a', 'b']) {
        keys.push((await here.call<Created>(someone, createApiKey, { name, role: 'owner' })).apiKey.id)
      }
      const outcomes = await Promise.allSettled(keys.map((key) => here.call(someone, revokeApiKey, { key })))
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(outcomes.find((outcome) => outcome.status === 'rejected')?.reason).toMatchObject({
        code: 'conflict',
      })
    }
  })
})
