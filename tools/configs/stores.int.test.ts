import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import { deleteExpiredCache } from '../../db/cache.ts'
import { describeOnEachDatabase } from '../../tests/setup/database.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

describeOnEachDatabase('what workflows keep', (kind) => {
  let server: TestPlatform
  let tenant: Tenant
  let acme: string
  let other: string
  beforeAll(async () => {
    server = await startTestPlatform(kind)
    tenant = await server.organization()
    acme = (await tenant.ok('create_customer', { name: 'Acme' })).customer.id
    other = (await tenant.ok('create_customer', { name: 'Other' })).customer.id
    await deploy('do', "return await (0, eval)('(async (ctx) => {' + ctx.input + '})')(ctx)", 'dev')
    await tenant.ok('deploy_workflow', { workflow: 'do', environment: 'staging' })
    await deploy('double', 'if (ctx.input === 3) throw new Error("no threes"); return ctx.input * 2', 'dev')
  })
  afterAll(() => server.close())

  async function deploy(slug: string, body: string, environment: string) {
    const code = `export default async (ctx) => { ${body} }`
    await tenant.ok('create_workflow', { name: slug, slug, tier: 'instant', code })
    await tenant.ok('publish_workflow', { workflow: slug })
    await tenant.ok('deploy_workflow', { workflow: slug, environment })
  }
  const execute = async (body: string, customer: string | null = acme, environment = 'dev') =>
    (
      await tenant.ok('run_workflow', {
        workflow: 'do',
        input: body,
        environment,
        ...(customer === null ? {} : { customer }),
      })
    ).execution
  /** What a workflow of this body gives. */
  const run = async (body: string, customer?: string | null, environment?: string): Promise<Json> => {
    const { status, output, error } = await execute(body, customer, environment)
    if (status !== 'completed') throw new Error(`${status}: ${error?.message}`)
    return output
  }
  const refusal = async (body: string, customer?: string | null): Promise<string> =>
    (await execute(body, customer)).error.message

  test('a cached value is there for its time, and for its customer only unless the organization shares it', async () => {
    await run(
      "await ctx.cache.set('rate', {eur: 1.1}); await ctx.cache.set('all', 7, {scope: 'organization'})",
    )
    const look = "return [await ctx.cache.get('rate'), await ctx.cache.get('all', {scope: 'organization'})]"
    expect(await run(look)).toEqual([{ eur: 1.1 }, 7])
    expect(await run(look, other)).toEqual([null, 7])
    expect(await run("return [await ctx.cache.get('all'), await ctx.cache.get('rate')]", null)).toEqual([
      7,
      null,
    ])
    await run("await ctx.cache.set('brief', 1, {ttl: 0.001})")
    expect(await run("return await ctx.cache.get('brief')")).toBeNull()
    expect(await deleteExpiredCache(server.platform.db)).toBe(1)
    expect(await run("await fastn.cache.invalidate('rate'); return await ctx.cache.get('rate')")).toBeNull()
    expect(await refusal("await ctx.cache.set('x', 1, {ttl: 1e9})")).toContain('ttl is a number of seconds')
    expect(await refusal("await ctx.cache.set('x', 'y'.repeat(300000))")).toContain('262144 bytes')
    expect(await refusal("await ctx.cache.get('x', {scope: 'customer'})", null)).toContain('no customer')
  })

  test('a record of one customer is seen by no run of another, nor of the organization', async () => {
    await run("await ctx.db.put('orders', 'o1', {status: 'open', total: 5})")
    const look = "return [await ctx.db.get('orders', 'o1'), (await ctx.db.query('orders')).records.length]"
    expect(await run(look)).toEqual([{ status: 'open', total: 5 }, 1])
    expect(await run(look, other)).toEqual([null, 0])
    expect(await run(look, null)).toEqual([null, 0])
    expect(await run("return await ctx.db.delete('orders', 'o1')", other)).toBe(false)
    expect(
      await run("return [await ctx.db.delete('orders', 'o1'), await ctx.db.get('orders', 'o1')]"),
    ).toEqual([true, null])
  })

  test('records are found by field and by prefix, in pages that together give each once', async () => {
    await run(`for (let n = 0; n < 25; n++)
      await ctx.db.put('items', (n % 2 ? 'a%_' : 'b') + String(n).padStart(2, '0'), {n, even: n % 2 === 0, tag: n > 20 ? null : 'x'})
      await ctx.db.put('others', 'a1', {n: 0})`)
    const found = await run(`const keys = []
      let next
      do {
        const page = await ctx.db.query('items', {where: {even: true, tag: 'x'}, prefix: 'b', limit: 4, next})
        for (const {key, value} of page.records) keys.push(key + value.n)
        next = page.next
      } while (next)
      return keys`)
    expect(found).toEqual([
      'b000',
      'b022',
      'b044',
      'b066',
      'b088',
      'b1010',
      'b1212',
      'b1414',
      'b1616',
      'b1818',
      'b2020',
    ])
    expect(await run("return (await ctx.db.query('items', {prefix: 'a%'})).records.length")).toBe(12)
    expect(await run("return (await ctx.db.query('items', {where: {tag: null}})).records.length")).toBe(4)
    expect(await refusal("await ctx.db.query('items', {where: {n: {a: 1}}})")).toContain('where takes')
    expect(await refusal("await ctx.db.put('$files', 'x', {})")).toContain('A collection is named')
  })

  test('a page of large records ends before it fills the workflow’s memory, and the next goes on', async () => {
    await run("for (let n = 0; n < 20; n++) await ctx.db.put('big', 'k' + n, {text: 'x'.repeat(250000)})")
    const page = "await ctx.db.query('big', {next: p?.next})"
    const sizes = await run(`let p; p = ${page}; const first = p.records.length; p = ${page}
      return [first, p.records.length, p.next]`)
    expect(sizes).toEqual([16, 4, null])
  })

  test('a config is what was set for the environment the run is in, and a run reaches no other', async () => {
    const set = await tenant.ok('set_config', { environment: 'dev', key: 'tax/rate', value: { at: 0.19 } })
    expect(set.created).toBe(true)
    expect((await tenant.ok('set_config', { environment: 'dev', key: 'tax/rate', value: 2 })).created).toBe(
      false,
    )
    await tenant.ok('set_config', { environment: 'staging', key: 'tax/rate', value: [3] })
    const look = "return await ctx.config.get('tax/rate')"
    expect([await run(look), await run(look, acme, 'staging')]).toEqual([2, [3]])
    expect(await refusal("return await fastn.envConfig.get('tax/rate', 'staging')")).toContain(
      'no other environment',
    )
    await run("await fastn.envConfig.set('mine', true)", other)
    expect((await tenant.ok('get_config', { environment: 'dev', key: 'mine' })).config.value).toBe(true)
    const first = await tenant.ok('list_configs', { limit: 2 })
    expect(first.configs.map((config: { key: string }) => config.key)).toEqual(['mine', 'tax/rate'])
    const second = await tenant.ok('list_configs', { limit: 2, cursor: first.nextCursor })
    expect(second).toMatchObject({ configs: [{ environment: 'staging' }], nextCursor: null })
    await tenant.ok('delete_config', { environment: 'dev', key: 'tax/rate' })
    expect(await run(look)).toBeNull()
    expect((await tenant.call('get_config', { environment: 'dev', key: 'tax/rate' })).status).toBe(404)
    for (const value of [{}, { value: 'x'.repeat(300_000) }]) {
      expect((await tenant.call('set_config', { environment: 'dev', key: 'a', ...value })).status).toBe(400)
    }
    expect((await tenant.call('set_config', { environment: 'mars', key: 'a', value: 1 })).status).toBe(404)
  })

  test('a key of one customer neither sees nor sets configs, a test key none of production', async () => {
    await tenant.ok('set_config', { environment: 'dev', key: 'hidden', value: 1 })
    const scoped = await tenant.key({ role: 'admin', customerIds: [acme] })
    expect((await tenant.call('set_config', { environment: 'dev', key: 'a', value: 1 }, scoped)).status).toBe(
      403,
    )
    expect((await tenant.call('get_config', { environment: 'dev', key: 'hidden' }, scoped)).status).toBe(404)
    expect((await tenant.ok('list_configs', {}, scoped)).configs).toEqual([])
    const test = await tenant.key({ role: 'developer', mode: 'test' })
    const production = { environment: 'production', key: 'a', value: 1 }
    expect((await tenant.call('set_config', production, test)).status).toBe(403)
  })

  test('fastn.files keeps text by path, and ctx.files.delete removes a file', async () => {
    const told =
      await run(`await fastn.files.write('out/a.txt', 'one'); await fastn.files.write('out/a.txt', 'zwölf')
      const there = [await fastn.files.read('out/a.txt'), await fastn.files.exists('out/a.txt'), await fastn.files.exists('out/b.txt')]
      return [...there, await fastn.files.delete('out/a.txt'), await fastn.files.exists('out/a.txt')]`)
    expect(told).toEqual(['zwölf', true, false, true, false])
    await run("await fastn.files.write('mine', 'x')")
    expect(await refusal("return await fastn.files.read('mine')", other)).toContain("No file 'mine'")
    const gone =
      "const f = await ctx.files.save({name: 'a', content: 'b'}); return [await ctx.files.delete(f), await ctx.files.delete(f)]"
    expect(await run(gone)).toEqual([true, false])
    expect((await tenant.ok('list_files', {})).files).toHaveLength(1)
  })

  test('workflows.map gives outputs in the order of its inputs, and begins nothing more after a failure', async () => {
    expect(await run("return await ctx.workflows.map('double', [5, 4, 1], {concurrency: 2})")).toEqual([
      10, 8, 2,
    ])
    const failed = await refusal("return await fastn.flow.map('double', [1, 3, 5], {concurrency: 1})")
    expect(failed).toContain('no threes')
    expect(await refusal("await ctx.workflows.map('double', 5)")).toContain('a slug and a list')
    expect(await refusal("await new Fastn({}).db.query('SELECT 1')")).toContain('no SQL')
  })

  test('a secret of kind json reaches ctx and fastn parsed', async () => {
    await tenant.ok('set_secret', { name: 'DOC', value: '{"a":[1]}', kind: 'json' })
    expect(await run("return [await ctx.secrets.get('DOC'), await fastn.secrets.get('DOC')]")).toEqual([
      { a: [1] },
      { a: [1] },
    ])
  })
})
