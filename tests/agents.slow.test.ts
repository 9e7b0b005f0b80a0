import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addAgentRunEvents } from '../db/agent-runs.ts'
import { connectV1 } from '../server/mcp/transport/test-clients.ts'
import { registrar } from './setup/agent.fixture.ts'
import { chatWith, settled } from './setup/agent-runs.ts'
import { describeOnBothDatabases } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

describeOnBothDatabases('runs of agents', (kind) => {
  let platform: TestPlatform
  let tenant: Tenant
  beforeAll(async () => {
    platform = await startTestPlatform(kind, {}, { agents: [registrar] })
    tenant = await platform.organization()
  })
  afterAll(() => platform.close())

  let count = 0
  const start = async (input: object = {}, approval = 'manual', key?: string): Promise<Body> => {
    count += 1
    const request = {
      agent: 'registrar',
      input: { prefix: `P${count}`, ...input },
      approval,
      waitSeconds: 20,
    }
    return (await tenant.ok('start_agent_run', request, key)).run
  }
  const see = async (run: string): Promise<Body> =>
    (await tenant.ok('get_agent_run', { run, waitSeconds: 20 })).run
  const eventsOf = async (run: string) =>
    (await tenant.ok('list_agent_run_events', { run, limit: 200 })).events

  test('a run does its work under its key, asks, goes on with the answer, and tells each step', async () => {
    const asked = await start()
    expect(asked).toMatchObject({
      status: 'waiting',
      model: 'none',
      question: { point: 'after_making', details: { made: 2 } },
    })
    const refused = await tenant.call('answer_agent_run', { run: asked.id, answer: { name: 'x' } })
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_input', where: 'answer' } })
    const { run } = await tenant.ok('answer_agent_run', {
      run: asked.id,
      question: asked.question.id,
      answer: { name: 'Third' },
      waitSeconds: 20,
    })
    expect(run).toMatchObject({ status: 'completed', output: { answer: 'Third' } })
    const events: Body[] = await eventsOf(asked.id)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    const called = events.filter(({ type }) => type === 'tool_call').map(({ data }) => data.tool)
    expect(called.filter((tool) => tool === 'create_customer')).toHaveLength(3)
    const { entries } = await tenant.ok('list_audit_log', {})
    expect(
      entries.filter(({ action, door }: Body) => action === 'create_customer' && door === 'agent').length,
    ).toBe(3)
    expect(await tenant.call('answer_agent_run', { run: asked.id, answer: { name: 'Again' } })).toMatchObject(
      {
        status: 409,
      },
    )
  })

  test('a run in Auto mode answers what has a default by itself', async () => {
    expect(await start({}, 'auto')).toMatchObject({ status: 'completed', output: { answer: 'Third' } })
  })

  test('a run goes back to a checkpoint and asks anew', async () => {
    const { id, question } = await start()
    await tenant.ok('answer_agent_run', { run: id, answer: { name: 'First answer' }, waitSeconds: 20 })
    const { checkpoints } = await tenant.ok('list_agent_checkpoints', { run: id })
    const before = checkpoints.find(({ next }: Body) => next.includes('ask'))
    await tenant.ok('rewind_agent_run', { run: id, checkpoint: before.id })
    const again = await see(id)
    expect(again.status).toBe('waiting')
    expect(again.question.id).not.toBe(question.id)
    const { run } = await tenant.ok('answer_agent_run', {
      run: id,
      answer: { name: 'Other' },
      waitSeconds: 20,
    })
    expect(run.output.answer).toBe('Other')
    // What the first answer made is not taken back.
    expect(run.output.created.map((name: string) => name.replace(/^\S+ /, ''))).toEqual([
      ...['First answer', 'Left', 'Other', 'Right'],
    ])
  })

  test('a canceled run stops at its work', async () => {
    const started = await tenant.ok('start_agent_run', {
      agent: 'registrar',
      input: { prefix: 'C', linger: true },
    })
    await eventually(async () =>
      (await eventsOf(started.run.id)).some(({ type }: Body) => type === 'message'),
    )
    await tenant.ok('cancel_agent_run', { run: started.run.id })
    expect(await see(started.run.id)).toMatchObject({ status: 'canceled' })
  })

  test('a run that comes to what cannot be kept fails of it, and is not tried again and again', async () => {
    const run = await settled(
      tenant,
      (
        await tenant.ok('start_agent_run', {
          agent: 'registrar',
          input: { prefix: 'Deep', about: 'what cannot be kept' },
        })
      ).run,
    )
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_input', message: 'A value is nested too deeply to be stored.' },
    })
    expect((await eventsOf(run.id)).map(({ data }: Body) => data.text).filter(Boolean)).toEqual([
      'Two customers of Deep.',
      'Kept: NUL \ufffd and half \ufffd',
    ])
  })

  test('a run whose time is used up fails and says so', async () => {
    const input = { prefix: 'T', linger: true }
    const { run } = await tenant.ok('start_agent_run', {
      agent: 'registrar',
      input,
      budget: { maxSeconds: 1 },
      waitSeconds: 20,
    })
    expect(run).toMatchObject({ status: 'failed', error: { code: 'limit_exceeded' } })
  })

  test('a key revoked while its run waits stops the run', async () => {
    const made = await tenant.ok('create_api_key', { name: 'For a while', role: 'developer' })
    const { id, status } = await start({}, 'manual', made.key)
    expect(status).toBe('waiting')
    await tenant.ok('revoke_api_key', { key: made.apiKey.id })
    const run = await eventually(async () => {
      const seen = await see(id)
      return seen.status === 'failed' && seen
    })
    expect(run.error.code).toBe('unauthenticated')
  })

  test('who may do less than the starter of a run, or has a test key, neither answers it nor takes it back', async () => {
    const starter = await tenant.key({ role: 'developer', mode: 'live' })
    const run = await start({}, 'manual', starter)
    const given = { run: run.id, answer: { name: 'Third' } }
    const { checkpoints } = await tenant.ok('list_agent_checkpoints', { run: run.id })
    const back = { run: run.id, checkpoint: checkpoints[0].id }
    const weaker = [
      await tenant.key({ role: 'operator', mode: 'live' }),
      await tenant.key({ role: 'developer', mode: 'test' }),
    ]
    for (const key of weaker) {
      expect(await tenant.call('answer_agent_run', given, key)).toMatchObject({ status: 403 })
      expect(await tenant.call('rewind_agent_run', back, key)).toMatchObject({ status: 403 })
    }
    expect(await see(run.id)).toMatchObject({ status: 'waiting', question: { id: run.question.id } })
    const peer = await tenant.key({ role: 'developer', mode: 'live' })
    await tenant.ok('answer_agent_run', given, peer)
    expect(await see(run.id)).toMatchObject({ status: 'completed' })
  })

  test('a key of one customer sees and steers no run of the organization', async () => {
    const { id } = await start()
    const { customer } = await tenant.ok('create_customer', { name: 'Walled' })
    const key = await tenant.key({ role: 'developer', customerIds: [customer.id] })
    for (const [tool, more] of [
      ['get_agent_run', {}],
      ['answer_agent_run', { answer: { name: 'Third' } }],
      ['cancel_agent_run', {}],
      ['list_agent_run_events', {}],
      ['list_agent_checkpoints', {}],
      ['rewind_agent_run', { checkpoint: 'x' }],
    ] as const)
      expect(await tenant.call(tool, { run: id, ...more }, key)).toMatchObject({ status: 404 })
    expect((await tenant.ok('list_agent_runs', {}, key)).runs).toEqual([])
  })

  test('a stream ends when the key that reads it is revoked', async () => {
    const { id } = await start()
    const { key, apiKey } = await tenant.ok('create_api_key', { name: 'Watcher', role: 'viewer' })
    const stream = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(stream.status).toBe(200)
    await tenant.ok('revoke_api_key', { key: apiKey.id })
    const read = await stream.text().catch(() => 'cut off')
    expect(read).not.toContain('event: end')
  })

  test('who reads a stream slowly gets all of it in order, and what is not read stays in the database', async () => {
    const { id } = await start()
    const seen = (await eventsOf(id)).length
    const organizationId = (await tenant.ok('get_organization', {})).organization.id
    const text = 'x'.repeat(64_000)
    const batch = Array.from({ length: 100 }, () => ({ type: 'message', data: { text } }))
    for (let n = 0; n < 6; n += 1)
      await platform.platform.db.tenant({ organizationId, customerIds: null }, (tx) =>
        addAgentRunEvents(tx, id, batch),
      )
    const asked = vi.spyOn(platform.platform.invoker.services.catalog, 'call')
    const url = new URL(platform.url)
    const socket = connect(Number(url.port), url.hostname).pause()
    socket.write(
      `GET /api/v1/agent-runs/${id}/stream HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${tenant.ownerKey}\r\n\r\n`,
    )
    await eventually(async () => (asked.mock.calls.length > 0 ? true : undefined))
    await sleep(1_500)
    expect(asked.mock.calls.length).toBeLessThan(5)
    asked.mockRestore()
    const ids: number[] = []
    let rest = ''
    for await (const piece of socket) {
      rest += String(piece)
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('id: ')) ids.push(Number(line.slice(4)))
      if (ids.length === seen + 600) break
    }
    expect(ids).toEqual(ids.map((_, index) => index + 1))
    expect(ids).toHaveLength(seen + 600)
  })

  test('the number of an event is not larger than there can be', async () => {
    const { id } = await start()
    const after = 2 ** 40
    expect(await tenant.call('list_agent_run_events', { run: id, after })).toMatchObject({ status: 400 })
    const stream = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream?after=${after}`, {
      headers: { authorization: `Bearer ${tenant.ownerKey}` },
    })
    expect(stream.status).toBe(400)
  })

  test('another organization sees nothing of a run, and a role without agents.execute starts none', async () => {
    const { id } = await start()
    const stranger = await platform.organization('Stranger')
    for (const tool of [
      'get_agent_run',
      'cancel_agent_run',
      'list_agent_run_events',
      'list_agent_checkpoints',
    ])
      expect(await stranger.call(tool, { run: id })).toMatchObject({ status: 404 })
    expect((await stranger.ok('list_agent_runs', {})).runs).toEqual([])
    const stream = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
      headers: { authorization: `Bearer ${stranger.ownerKey}` },
    })
    expect(stream.status).toBe(404)
    const viewer = await tenant.key({ role: 'viewer' })
    const misspelled = { agent: 'registrar', input: { prefix: 'A', lingers: true } }
    expect(await tenant.call('start_agent_run', misspelled)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('lingers') },
    })
    expect(await tenant.call('start_agent_run', { agent: 'registrar' }, viewer)).toMatchObject({
      status: 403,
    })
  })

  test('who may not call a tool sees that it was called, not what it took and gave; a refused stream is audited', async () => {
    const { id } = await start({}, 'auto')
    const called = async (key?: string) =>
      (await tenant.ok('list_agent_run_events', { run: id, limit: 200 }, key)).events
        .filter(({ type }: Body) => type === 'tool_call')
        .map(({ data }: Body) => data)
    expect((await called())[0]).toMatchObject({ tool: 'create_customer', output: { customer: {} } })
    const viewer = await tenant.key({ role: 'viewer' })
    const seen: Body[] = await called(viewer)
    expect(seen.filter(({ tool }) => tool === 'create_customer')).toHaveLength(3)
    for (const { tool, input, output, hidden } of seen)
      expect([tool, input === undefined, output === undefined, hidden === true]).toEqual(
        tool === 'create_customer' ? [tool, true, true, true] : [tool, false, false, false],
      )
    const streamed = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
      headers: { authorization: `Bearer ${viewer}` },
    })
    const text = await streamed.text()
    expect(text).toContain('event: end')
    const lines = text.split('\n').filter((line) => line.includes('create_customer'))
    expect(lines).toHaveLength(3)
    expect(lines.join()).not.toContain('cus_')

    const { key } = await tenant.ok('create_api_key', {
      name: 'No agents',
      role: 'viewer',
      permissions: ['connectors.read'],
    })
    const refused = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(refused.status).toBe(403)
    const { entries } = await tenant.ok('list_audit_log', { outcome: 'denied' })
    expect(entries[0]).toMatchObject({ action: 'list_agent_run_events', errorCode: 'forbidden' })
  })

  test('a stream goes on after the event the client saw last and ends with the run', async () => {
    const { id } = await start({}, 'auto')
    const read = async (last: number) => {
      const response = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
        headers: { authorization: `Bearer ${tenant.ownerKey}`, 'last-event-id': String(last) },
      })
      return [...(await response.text()).matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))
    }
    const all = await read(0)
    expect(all.length).toBeGreaterThan(10)
    expect(await read(7)).toEqual(all.filter((seq) => seq > 7))
  })

  test('a program drives a run by its stream alone: it is asked there, answers, and has the result there', async () => {
    const request = { agent: 'registrar', input: { prefix: 'Live' }, approval: 'manual', waitSeconds: 0 }
    const { id } = (await tenant.ok('start_agent_run', request)).run
    const response = await fetch(`${platform.url}/api/v1/agent-runs/${id}/stream`, {
      headers: { authorization: `Bearer ${tenant.ownerKey}` },
    })
    const seen: { type: string; data: Body }[] = []
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
    for await (const { event = '', data } of events ?? []) {
      seen.push({ type: event, data: JSON.parse(data) })
      if (event !== 'handback') continue
      const asked = seen.at(-1)?.data
      expect(asked).toMatchObject({
        point: 'after_making',
        question: 'What is the third one called?',
        details: { made: 2 },
        schema: { properties: { name: { minLength: 2 } }, required: ['name'] },
      })
      await tenant.ok('answer_agent_run', { run: id, question: asked?.id, answer: { name: 'Streamed' } })
    }
    const types = seen.map(({ type }) => type)
    expect(types.filter((type) => type === 'handback')).toHaveLength(1)
    expect(new Set(types)).toEqual(
      new Set(['status', 'step', 'message', 'tool_call', 'handback', 'answer', 'artifact', 'end']),
    )
    expect(types.at(-1)).toBe('end')
    expect(types.indexOf('handback')).toBeLessThan(types.indexOf('artifact'))
    expect(seen.find(({ type }) => type === 'artifact')?.data).toMatchObject({
      content: expect.arrayContaining(['Live Streamed']),
    })
    expect(await see(id)).toMatchObject({ status: 'completed', output: { answer: 'Streamed' } })
  })

  test('an MCP client that shows forms is asked the question, and told each step while it waits', async () => {
    const client = await connectV1({
      server: { url: `${platform.url}/mcp?toolsets=agents`, token: tenant.ownerKey },
    })
    const told: number[] = []
    const args = { agent: 'registrar', input: { prefix: 'Form' }, waitSeconds: 20 }
    const { structured } = await client.call('start_agent_run', args, {
      onprogress: ({ progress }) => told.push(progress),
    })
    expect((structured as Body).run).toMatchObject({ status: 'completed', output: { answer: 'Ada' } })
    expect(told.length).toBeGreaterThan(3)
    await client.close()
  })

  test('patchbay chat prints the steps, asks, and takes the answer from its input', async () => {
    const args = ['--agent', 'registrar', '--input', '{"prefix":"Chat"}']
    const { code, printed } = await chatWith(platform, tenant, args, ['Tertia\n'])
    expect(printed).toContain('Step: make_left')
    expect(printed).toContain('What is the third one called?')
    expect(printed).toMatch(/Done\.\n[\s\S]*\banswer: Tertia\n/)
    expect(code).toBe(0)
  })

  test('patchbay chat --json gives programs every event, the question and the result as lines of JSON', async () => {
    const args = ['--agent', 'registrar', '--json', '--input', '{"prefix":"Lines"}']
    const { code, printed } = await chatWith(platform, tenant, args, ['{"name":"Tertia"}\n'])
    const lines: Body[] = printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ type: 'run', data: { id: expect.stringMatching(/^run_/) } })
    expect(lines.find(({ type }) => type === 'question')?.data).toMatchObject({
      point: 'after_making',
      details: { made: 2 },
      schema: { properties: { name: {} } },
    })
    expect(lines.filter(({ type }) => type === 'tool_call').length).toBeGreaterThan(2)
    expect(lines.at(-1)).toMatchObject({
      type: 'result',
      data: { status: 'completed', output: { answer: 'Tertia' } },
    })
    expect(code).toBe(0)
  })
})
