import { afterAll, expect, test } from 'vitest'
import type { Doors } from './doors.ts'
import { buildServers } from './servers.ts'

const servers = buildServers()
afterAll(() => servers.close())

const connectorsOf = async (doors: Doors): Promise<string[]> =>
  (await doors.call('list_connectors')).connectors.map(({ slug }: { slug: string }) => slug)
const addShop = (doors: Doors) =>
  doors.call('create_connector', { name: 'Shop', baseUrl: 'https://shop.example' })

test('whoever is measured finds an empty organization: beside others, and after them', async () => {
  const [first, second] = await Promise.all([servers.place(), servers.place()])
  await addShop(first.doors)
  expect(await connectorsOf(first.doors)).toEqual(['shop'])
  expect(await connectorsOf(second.doors)).toEqual([])
  await first.leave()
  const third = await servers.place()
  expect(await connectorsOf(third.doors)).toEqual([])
  await addShop(third.doors)
  const { organization } = await third.doors.call('get_organization')
  const before = await first.doors.call('get_organization')
  expect(organization.id).not.toBe(before.organization.id)
}, 120_000)

test('with a model, the agents of its own server use it', async () => {
  const model = { baseUrl: 'http://127.0.0.1:9/v1', model: 'nobody', seen: () => [] }
  const { doors, leave } = await servers.place(model)
  try {
    const used = (await doors.call('list_agents')).model
    expect(used).toMatchObject({ provider: 'openai', baseUrl: model.baseUrl, tiers: { plan: 'nobody' } })
    const plain = await servers.place()
    expect((await plain.doors.call('list_agents')).model).toEqual({ provider: 'none' })
  } finally {
    await leave()
  }
}, 120_000)
