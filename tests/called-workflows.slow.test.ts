import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOnBothDatabases } from './setup/database.ts'
import { deployWorkflow, executionsOf } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

describeOnBothDatabases('workflows that are called and waited for', (kind) => {
  let server: TestPlatform
  let tenant: Tenant
  beforeAll(async () => {
    server = await startTestPlatform(kind)
    tenant = await server.organization()
  })
  afterAll(() => server.close())
  const { start, ended, inStatus } = executionsOf(() => tenant)

  test('a workflow it called may wait too, and it waits with it', async () => {
    await deployWorkflow(
      tenant,
      'child-waits',
      `export default async (ctx) => ({ got: await ctx.wait.event('child', { key: ctx.input }) })`,
    )
    const slug = await deployWorkflow(
      tenant,
      'parent-waits',
      `export default async (ctx) => ctx.workflows.run('child-waits', 'k')`,
    )
    const id = await start(slug)
    await inStatus(id, 'waiting')
    await tenant.ok('send_event', { name: 'child', key: 'k', payload: 'hello' })
    expect(await ended(id)).toMatchObject({ status: 'completed', output: { got: 'hello' } })
    const { executions } = await tenant.ok('list_executions', { workflow: 'child-waits' })
    expect(executions).toMatchObject([{ status: 'completed', parentExecutionId: id }])
  })

  test('the failure of a workflow it waited for reaches it, with what that one said', async () => {
    await deployWorkflow(
      tenant,
      'child-fails',
      `export default async (ctx) => { await ctx.wait.event('child-fails'); throw new Error('the child says no') }`,
    )
    const slug = await deployWorkflow(
      tenant,
      'parent-of-failure',
      `export default async (ctx) => {
        const asked = await ctx.workflows.run('child-fails', null).catch((error) => error.message)
        await ctx.wait.event('parent-of-failure')
        return asked
      }`,
    )
    const id = await start(slug)
    await inStatus(id, 'waiting')
    await eventually(async () => (await tenant.ok('send_event', { name: 'child-fails' })).received.length > 0)
    await eventually(
      async () => (await tenant.ok('send_event', { name: 'parent-of-failure' })).received.length > 0,
    )
    expect(await ended(id)).toMatchObject({
      status: 'completed',
      output: expect.stringContaining('the child says no'),
    })
  })

  test('what a workflow waits for is cancelled when it fails for good', async () => {
    await deployWorkflow(
      tenant,
      'child-left',
      "export default async (ctx) => ctx.wait.event('never', { timeoutMs: 3_600_000 })",
    )
    const slug = await deployWorkflow(
      tenant,
      'leaves',
      `export default async (ctx) => {
        const waiting = ctx.workflows.run('child-left', null).catch(() => undefined)
        await ctx.sleep(1_500)
        throw new Error('given up')
      }`,
    )
    const id = await start(slug)
    expect(await ended(id)).toMatchObject({ status: 'failed' })
    const child = await eventually(async () => {
      const { executions } = await tenant.ok('list_executions', { workflow: 'child-left' })
      return executions[0]?.status === 'cancelled' && executions[0]
    })
    expect(child).toMatchObject({ parentExecutionId: id })
  })

  test('what a workflow called goes with it, at whatever moment it ends, and however', async () => {
    await deployWorkflow(
      tenant,
      'child-at-once',
      "export default async (ctx) => ctx.wait.event('never', { timeoutMs: 3_600_000 })",
    )
    const slug = await deployWorkflow(
      tenant,
      'leaves-at-once',
      `export default async (ctx) => {
        ctx.workflows.run('child-at-once', null).catch(() => undefined)
        await ctx.sleep(ctx.input.after)
        if (ctx.input.fails) throw new Error('given up')
      }`,
    )
    // The child is put aside some 50 ms after it begins.
    for (const fails of [true, false]) {
      const ids = []
      for (let after = 0; after < 300; after += 20) ids.push(await start(slug, { after, fails }))
      for (const id of ids) expect(await ended(id)).toMatchObject({ status: fails ? 'failed' : 'completed' })
    }
    const children = await eventually(async () => {
      const { executions } = await tenant.ok('list_executions', { workflow: 'child-at-once', limit: 100 })
      return executions.every(({ status }: Body) => status === 'cancelled') && executions
    })
    expect(children.length).toBeGreaterThan(0)
  })

  test('what is left of a caller that has ended, whose server died before it could cancel it, goes a while later', async () => {
    await deployWorkflow(
      tenant,
      'child-orphaned',
      "export default async (ctx) => ctx.wait.event('never', { timeoutMs: 3_600_000 })",
    )
    const slug = await deployWorkflow(
      tenant,
      'caller-gone',
      "export default async (ctx) => ctx.workflows.run('child-orphaned', null)",
    )
    const [id, other] = [await start(slug), await start(slug)]
    for (const one of [id, other]) await inStatus(one, 'waiting')
    const childOf = async (parent: string): Promise<Body> =>
      (await tenant.ok('list_executions', { workflow: 'child-orphaned' })).executions.find(
        ({ parentExecutionId }: Body) => parentExecutionId === parent,
      )
    // As it stands when the process is killed right after its end was stored.
    await server.platform.db.system((tx) =>
      tx.run(
        "UPDATE executions SET status = 'completed', finished_at = now() - interval '1 minute' WHERE id = $1",
        [id],
      ),
    )
    // Looked for the less often, the longer a look takes.
    await eventually(async () => (await childOf(id)).status === 'cancelled', 90_000)
    expect(await childOf(other)).toMatchObject({ status: 'waiting' })
  })

  test('it goes on when the workflow it waits for is cancelled', async () => {
    await deployWorkflow(
      tenant,
      'child-stopped',
      `export default async (ctx) => ctx.wait.event('never-sent')`,
    )
    const slug = await deployWorkflow(
      tenant,
      'parent-of-stopped',
      `export default async (ctx) => ctx.workflows.run('child-stopped', null).catch((error) => error.message)`,
    )
    const id = await start(slug)
    await inStatus(id, 'waiting')
    const { executions } = await tenant.ok('list_executions', { workflow: 'child-stopped' })
    await tenant.ok('cancel_execution', { execution: executions[0].id })
    expect(await ended(id)).toMatchObject({
      status: 'completed',
      output: expect.stringContaining('cancelled'),
    })
  })

  test('it goes on when the workflow it waits for is deleted', async () => {
    await deployWorkflow(
      tenant,
      'child-deleted',
      `export default async (ctx) => ctx.wait.event('never-sent')`,
    )
    const slug = await deployWorkflow(
      tenant,
      'parent-of-deleted',
      `export default async (ctx) => ctx.workflows.run('child-deleted', null).catch((error) => error.message)`,
    )
    const id = await start(slug)
    await inStatus(id, 'waiting')
    await tenant.ok('delete_workflow', { workflow: 'child-deleted' })
    expect(await ended(id)).toMatchObject({
      status: 'completed',
      output: expect.stringContaining('deleted'),
    })
  })
})
