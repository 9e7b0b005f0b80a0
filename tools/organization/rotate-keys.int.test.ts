import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import type { Tx } from '../../db/database.ts'
import { lockValuesSealedOtherwise, replaceSealed } from '../../db/sealed-values.ts'
import { secretPurpose } from '../../runtime/secrets/secrets.ts'
import { reseal } from '../../runtime/vault/reseal.ts'
import { describeOnEachDatabase } from '../../tests/setup/database.ts'
import { openWorld, type World } from '../connections/testing/world.ts'
import { rotateKeys } from './rotate-keys.ts'

/** More than a batch. */
const SECRETS = 120

describeOnEachDatabase('a new data key', (kind) => {
  let world: World
  let owner: Actor
  const ids = Array.from({ length: SECRETS }, () => newId('secret')).sort()
  const [firstId = '', secondId = ''] = ids

  const inTransaction = <T>(work: (tx: Tx) => Promise<T>) => world.db.tenant(scopeOf(owner), work)
  const sealed = (tx: Tx, id: string, plain: string) =>
    world.vault.seal(tx, owner.organizationId, secretPurpose(id), plain)
  const store = async (tx: Tx, id: string, plain: string) =>
    tx.run('UPDATE secrets SET value = $2 WHERE id = $1', [id, await sealed(tx, id, plain)])
  const stored = (tx: Tx) =>
    tx.rows<{ id: string; value: string }>('SELECT id, value FROM secrets ORDER BY id')
  const opened = (tx: Tx, row: { id: string; value: string }) =>
    world.vault.open(tx, owner.organizationId, secretPurpose(row.id), row.value)
  const plainOf = (id: string) =>
    inTransaction(async (tx) => {
      const row = (await stored(tx)).find((each) => each.id === id)
      return row && (await opened(tx, row)).reveal()
    })

  beforeAll(async () => {
    world = await openWorld(kind)
    owner = await world.organization()
    await inTransaction(async (tx) => {
      for (const id of ids) {
        await tx.run(
          "INSERT INTO secrets (id, organization_id, name, kind, value) VALUES ($1, $2, upper($1), 'text', $3)",
          [id, owner.organizationId, await sealed(tx, id, `value of ${id}`)],
        )
      }
    })
  })
  afterAll(() => world.close())

  test('seals everything stored anew, which opens as before', async () => {
    const { newDataKey, ...report } = await world.call<{ newDataKey: string }>(owner, rotateKeys, {
      dataKeys: true,
    })
    expect(report).toEqual({ rewrapped: 0, resealed: SECRETS, remaining: 0, unreadable: [] })
    await inTransaction(async (tx) => {
      for (const row of await stored(tx)) {
        expect(row.value.startsWith(`v1.${newDataKey}.`)).toBe(true)
        expect((await opened(tx, row)).reveal()).toBe(`value of ${row.id}`)
      }
    })
  })

  test('does not overwrite what was stored while it was being sealed with', async () => {
    const key = await inTransaction((tx) => world.vault.renewDataKey(tx, owner.organizationId))
    const [read] = await inTransaction((tx) =>
      lockValuesSealedOtherwise(tx, 'secrets', `v1.${key}.`, { after: '', limit: 1 }),
    )
    if (read === undefined) throw new Error('nothing was read')
    await inTransaction((tx) => store(tx, read.id, 'newer'))
    expect(await inTransaction((tx) => replaceSealed(tx, 'secrets', [{ ...read, fresh: 'stale' }]))).toBe(0)
    expect(await plainOf(read.id)).toBe('newer')
  })

  test.runIf(kind === 'postgres')('passes over a value that is being changed, without waiting', async () => {
    await inTransaction((tx) => world.vault.renewDataKey(tx, owner.organizationId))
    const during = await inTransaction(async (tx) => {
      await store(tx, secondId, 'changed meanwhile')
      return reseal(world.vault, owner.organizationId, inTransaction)
    })
    // Others see the old value until the change commits; it was sealed with the new key already.
    expect(during).toEqual({ resealed: SECRETS - 1, remaining: 1, unreadable: [] })
    expect(await plainOf(secondId)).toBe('changed meanwhile')
    expect(await reseal(world.vault, owner.organizationId, inTransaction)).toMatchObject({
      resealed: 0,
      remaining: 0,
    })
    expect(await plainOf(firstId)).toBe('newer')
  })
})
