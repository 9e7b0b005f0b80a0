import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { Secret } from '../../core/secret.ts'
import type { Database } from '../../db/database.ts'
import { type PlayedModel, startPlayedModel } from '../../evals/models/played-model.ts'
import type { ScriptInput } from '../../evals/models/script.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import { describeOnEachDatabase, openTestDatabase } from '../../tests/setup/database.ts'
import { promptData } from '../prompt-data.ts'
import { buildModels } from './build-models.ts'
import type { AgentTool, Budget, RunModel, RunModelOptions } from './models.ts'

const KEY = 'sk-the-operators-key'
const budget: Budget = { maxTokens: 1_000_000, maxSteps: 100, maxSeconds: 60 }
const Plan = z.object({ title: z.string(), steps: z.array(z.string()).min(1) })
const good = { title: 'Invoices', steps: ['read', 'write'] }
const ask = { tier: 'plan' as const, name: 'plan', system: 'You plan.', prompt: 'Plan it.', schema: Plan }

describeOnEachDatabase('the model of a run', (kind) => {
  let db: Database
  let organizationId: string
  let played: PlayedModel | undefined
  beforeAll(async () => {
    db = await openTestDatabase(kind)
    ;({ organizationId } = await db.system((tx) => createOrganization(tx, { name: 'Models' })))
  })
  afterEach(() => played?.close())
  afterAll(() => db.close())

  const events: {
    tokens: string
    restarts: number
    calls: object[]
    tools: { name: string; error?: string }[]
  } = {
    tokens: '',
    restarts: 0,
    calls: [],
    tools: [],
  }

  async function play(
    script: ScriptInput,
    options: Partial<RunModelOptions> = {},
    environment: Record<string, string> = {},
  ): Promise<{ server: PlayedModel; model: RunModel; again: (more?: Partial<RunModelOptions>) => RunModel }> {
    const server = await startPlayedModel({ key: KEY, ...script })
    played = server
    Object.assign(events, { tokens: '', restarts: 0, calls: [], tools: [] })
    const { model: settings } = readConfig({
      PATCHBAY_MODEL_BASE_URL: server.url,
      PATCHBAY_MODEL_API_KEY: KEY,
      PATCHBAY_MODEL: 'm1',
      PATCHBAY_MODEL_SMALL: 'm2',
      ...environment,
    })
    const models = buildModels({ settings, db })
    const runId = newId('execution')
    const again = (more: Partial<RunModelOptions> = {}) =>
      models.forRun({
        organizationId,
        runId,
        budget,
        signal: new AbortController().signal,
        sink: {
          token: (text) => {
            events.tokens += text
          },
          restart: () => {
            events.restarts += 1
            events.tokens = ''
          },
          call: (call) => events.calls.push(call),
          toolCall: (call) => events.tools.push(call),
        },
        ...options,
        ...more,
      })
    return { server, model: again(), again }
  }

  const add: AgentTool = {
    name: 'add_numbers',
    description: 'Adds.',
    input: {
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
      additionalProperties: false,
    },
    run: async ({ a, b }) => ({ sum: Number(a) + Number(b) }),
  }
  const talk = (tools: AgentTool[] = [add], maxSteps = 10) => ({
    tier: 'build' as const,
    system: 'You count.',
    messages: [{ role: 'user' as const, content: 'What is 1 + 2?' }],
    tools,
    maxSteps,
  })
  const failure = async (work: Promise<unknown>): Promise<AppError> => {
    const error = await work.then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!(error instanceof AppError)) throw new Error(`no AppError but ${String(error)}`)
    return error
  }

  test('a structured answer comes by json_schema, streamed to the sink, counted by run and organization', async () => {
    const usage = { input: 100, cachedInput: 60, output: 20 }
    const prices = JSON.stringify({ m1: { input: 10, cachedInput: 1, output: 100 } })
    const { server, model, again } = await play(
      { turns: [{ json: good, usage }] },
      {},
      { PATCHBAY_MODEL_PRICES: prices },
    )
    expect(await model.structured(ask)).toEqual(good)
    expect(server.received[0]?.request).toMatchObject({
      model: 'm1',
      stream: true,
      response_format: { type: 'json_schema', json_schema: { name: 'plan' } },
    })
    expect(JSON.parse(events.tokens)).toEqual(good)
    const used = {
      inputTokens: 100,
      cachedInputTokens: 60,
      outputTokens: 20,
      costUsd: (40 * 10 + 60 * 1 + 20 * 100) / 1_000_000,
      calls: 1,
      steps: 1,
    }
    expect(events.calls).toMatchObject([{ tier: 'plan', model: 'm1', purpose: 'plan', usage: used }])
    expect(await again().used()).toEqual(used)
  })

  test('an answer that does not fit is sent back with the complaint, twice at most', async () => {
    const { server, model } = await play({ turns: [{ json: { title: 'x', steps: [] }, times: 3 }] })
    const error = await failure(model.structured(ask))
    expect(error.code).toBe('upstream_error')
    expect(error.message).toContain('steps')
    expect(server.received).toHaveLength(3)
    expect(JSON.stringify(server.received[1]?.request.messages?.at(-1))).toContain('steps: Too small')
  })

  test('a model without json_schema is asked by a forced tool, one without tools in words; what works is remembered', async () => {
    const call = { toolCalls: [{ name: 'plan', arguments: good }] }
    const { server, model } = await play({ lacks: ['json_schema'], turns: [{ ...call, times: 2 }] })
    expect(await model.structured(ask)).toEqual(good)
    expect(await model.structured(ask)).toEqual(good)
    expect(server.received.map(({ request }) => request.response_format?.type ?? 'tool')).toEqual([
      'json_schema',
      'tool',
      'tool',
    ])
    await server.close()
    const fenced = `Here it is:\n\`\`\`json\n${JSON.stringify(good).replace(']', ',]')}\n\`\`\``
    const plain = await play({ lacks: ['json_schema', 'tools'], turns: [{ text: fenced }] })
    expect(await plain.model.structured(ask)).toEqual(good)
    expect(JSON.stringify(plain.server.received.at(-1)?.request.messages?.[0])).toContain('JSON Schema')
  })

  test('a conversation runs tools until the model answers without calls', async () => {
    const { model } = await play({
      turns: [
        { toolCalls: [{ name: 'add_numbers', arguments: { a: 1, b: 2 } }] },
        { when: { last: '{"sum":3}' }, text: 'It is 3.' },
      ],
    })
    const { text, messages } = await model.converse(talk())
    expect(text).toBe('It is 3.')
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
  })

  test('malformed tool calls: small mistakes are mended, others told to the model, and the tool does not run', async () => {
    let runs = 0
    const tool: AgentTool = {
      ...add,
      run: async (input) => {
        runs += 1
        return add.run(input)
      },
    }
    const { server, model } = await play({
      turns: [
        { toolCalls: [{ name: 'subtract', arguments: { a: 1 } }] },
        {
          when: { last: "There is no tool 'subtract'" },
          toolCalls: [{ name: 'add_numbers', arguments: 'one and two' }],
        },
        {
          when: { last: 'cannot be read' },
          toolCalls: [{ name: 'add_numbers', arguments: { a: 'one', b: 2 } }],
        },
        {
          when: { last: 'input.a' },
          toolCalls: [{ name: 'add_numbers', arguments: '```json\n{\'a\': 1, "b": 2,}\n```' }],
        },
        { when: { last: '{"sum":3}' }, text: 'Done.' },
      ],
    })
    expect((await model.converse(talk([tool]))).text).toBe('Done.')
    expect(runs).toBe(1)
    expect(server.left()).toBe(0)
    expect(events.tools.filter(({ error }) => error !== undefined)).toHaveLength(3)
  })

  test('each request of a conversation begins as the one before it did, so that a provider’s prompt cache has it', async () => {
    const other: AgentTool = { ...add, name: 'a_first_by_name' }
    const calls = (name: string, args: unknown) => ({ toolCalls: [{ name, arguments: args }] })
    const { server, model, again } = await play({
      turns: [
        calls('add_numbers', { a: 1, b: 2 }),
        calls('add_numbers', '{ "b":2,"a" : 1 '),
        calls('subtract', {}),
        { text: 'It is 3.' },
        { text: 'Still 3.' },
      ] as ScriptInput['turns'],
    })
    await model.converse(talk([add, other]))
    // Another run that is offered the same tools in another order begins alike too.
    await again().converse(talk([other, add]))
    const sent = server.received.map(({ request }) => request)
    expect(sent).toHaveLength(5)
    for (const [at, { tools, messages = [] }] of sent.entries()) {
      expect(tools, `request ${at + 1}`).toEqual(sent[0]?.tools)
      const before = sent[at - 1]?.messages ?? []
      if (at < 4) expect(messages.slice(0, before.length), `request ${at + 1}`).toEqual(before)
    }
    expect(sent[4]?.messages).toEqual(sent[0]?.messages)
  })

  test('where a provider caches what is marked, the rules and what was said so far are marked', async () => {
    const { server, model } = await play(
      {
        turns: [
          { toolCalls: [{ name: 'add_numbers', arguments: { a: 1, b: 2 } }] },
          { text: 'It is 3.' },
        ] as ScriptInput['turns'],
      },
      {},
      { PATCHBAY_MODEL_PROMPT_CACHE: 'marked' },
    )
    expect((await model.converse(talk())).text).toBe('It is 3.')
    const sent = server.received.map(({ request }) => request.messages ?? [])
    expect(sent.map((messages) => messages.map(({ role }) => role))).toEqual([
      ['system', 'user'],
      ['system', 'user', 'assistant', 'tool'],
    ])
    for (const messages of sent) {
      const marks = messages.map(({ content }) => JSON.stringify(content ?? '').includes('"cache_control"'))
      expect(marks).toEqual(messages.map((_, at) => at === 0 || at === messages.length - 1))
    }
    expect(sent[1]?.at(-1)?.content).toEqual([
      { type: 'text', text: expect.stringContaining('3'), cache_control: { type: 'ephemeral' } },
    ])
  })

  test('what is asked once has its rules marked, and not its question: nothing is sent behind it', async () => {
    for (const lacks of [[], ['json_schema' as const]]) {
      const { server, model } = await play(
        { lacks, turns: [{ json: good }] },
        {},
        { PATCHBAY_MODEL_PROMPT_CACHE: 'marked' },
      )
      expect(await model.structured(ask)).toEqual(good)
      const { messages = [] } = server.received.at(-1)?.request ?? {}
      expect(messages.map(({ content }) => JSON.stringify(content).includes('"cache_control"'))).toEqual([
        true,
        false,
      ])
    }
  })

  test('an answer, or the arguments of a call, nested deeper than anything asked for is sent back', async () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
    const { server, model } = await play({
      turns: [{ text: `{"steps": ${deep}}` }, { json: good }],
    })
    expect(await model.structured(ask)).toEqual(good)
    expect(JSON.stringify(server.received[1]?.request.messages)).toContain('nested more than 200 levels deep')
  })

  test('a model whose server takes no tools calls them in words', async () => {
    const { model } = await play({
      lacks: ['tools', 'json_schema'],
      turns: [
        { text: 'Let me see. <tool_call>{"name":"add_numbers","arguments":{"a":1,"b":2}}</tool_call>' },
        { when: { last: '<tool_result>{"sum":3}' }, text: 'Three.' },
      ],
    })
    expect((await model.converse(talk())).text).toBe('Three.')
  })

  test('429 with Retry-After, 500, a refused connection and a stream cut half-way are tried again', async () => {
    const { server, model } = await play({
      turns: [
        { error: { status: 429, retryAfterSeconds: 0 } },
        { error: { status: 500 } },
        { drop: 'midway', json: good },
        { json: good },
      ],
    })
    expect(await model.structured(ask)).toEqual(good)
    expect(server.received).toHaveLength(4)
    expect(events.restarts).toBe(3)
    // The half that came before the cut is void.
    expect(JSON.parse(events.tokens)).toEqual(good)
  })

  test('retries end: after four answers of 503, and at once when the server asks for a long wait', async () => {
    const down = await play({ turns: [{ error: { status: 503, retryAfterSeconds: 0 }, times: 0 }] })
    expect((await failure(down.model.structured(ask))).message).toContain('tried 4 times')
    expect(down.server.received).toHaveLength(4)
    await down.server.close()
    const busy = await play({ turns: [{ error: { status: 429, retryAfterSeconds: 3600 }, times: 0 }] })
    const error = await failure(busy.model.structured(ask))
    expect(error).toMatchObject({ code: 'limit_exceeded', retryAfterSeconds: 3600 })
    expect(busy.server.received).toHaveLength(1)
  })

  test('a refused key says which setting to correct, and never the key', async () => {
    const { model } = await play({ key: 'another', turns: [] })
    const error = await failure(model.structured(ask))
    expect(error).toMatchObject({
      code: 'misconfigured',
      hint: expect.stringContaining('PATCHBAY_MODEL_API_KEY'),
    })
    expect(JSON.stringify([error, error.message, error.cause ?? null])).not.toContain(KEY)
  })

  test('each budget ends the run by its name, also one used up before a restart', async () => {
    const turns = [{ json: good, usage: { input: 50, output: 50 }, times: 0 }]
    const prices = JSON.stringify({ m1: { input: 1e6, output: 1e6 }, m2: { input: 1, output: 1 } })
    const { model, again } = await play({ turns }, {}, { PATCHBAY_MODEL_PRICES: prices })
    await model.structured(ask)
    const cases: [Partial<Budget>, string, number?][] = [
      [{ maxTokens: 100 }, 'tokens'],
      [{ maxSteps: 1 }, 'steps'],
      [{ maxCostUsd: 100 }, 'costUsd'],
      [{ maxSeconds: 60 }, 'seconds', 61],
    ]
    for (const [less, name, secondsUsed] of cases) {
      const later = again({ budget: { ...budget, ...less }, secondsUsed: secondsUsed ?? 0 })
      const error = await failure(later.structured(ask))
      expect(error).toMatchObject({ code: 'limit_exceeded', retryable: false, data: { budget: name } })
    }
  })

  test('a call under way ends when the time is up, or the run is cancelled', async () => {
    const { again } = await play({ turns: [{ json: good, delayMs: 20_000, times: 0 }] })
    const late = await failure(again({ budget: { ...budget, maxSeconds: 0.1 } }).structured(ask))
    expect(late.data).toMatchObject({ budget: 'seconds' })
    const controller = new AbortController()
    const work = failure(again({ signal: controller.signal }).structured(ask))
    controller.abort(new AppError('cancelled', 'The run was cancelled.'))
    expect((await work).code).toBe('cancelled')
  })

  test('a budget in money needs prices', async () => {
    const { again } = await play({ turns: [] })
    expect(() => again({ budget: { ...budget, maxCostUsd: 1 } })).toThrow(/price of the model 'm1'/)
  })

  test('long tool results are shortened with a note', async () => {
    const tool: AgentTool = { ...add, run: async () => 'x'.repeat(1_000_000) }
    const { server, model } = await play({
      turns: [{ toolCalls: [{ name: 'add_numbers', arguments: { a: 1, b: 2 } }] }, { text: 'ok' }],
    })
    await model.converse(talk([tool]))
    expect(server.received[1]?.body).toContain('characters left out')
    expect(server.received[1]?.body.length).toBeLessThan(30_000)
  })

  test('no secret reaches a model: neither a Secret a tool returns nor the key', async () => {
    const tool: AgentTool = {
      ...add,
      run: async () => ({ token: new Secret('vault-value-1'), echo: KEY }),
    }
    const { server, model } = await play({
      turns: [{ toolCalls: [{ name: 'add_numbers', arguments: { a: 1, b: 2 } }] }, { text: 'ok' }],
    })
    await model.converse(talk([tool]))
    const sent = server.received.map(({ body }) => body).join('\n')
    for (const secret of ['vault-value-1', KEY]) expect(sent).not.toContain(secret)
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), (value) => {
        const secret = new Secret(value)
        expect(() => promptData('docs', { deep: [{ secret }] })).toThrow(/secret/)
        expect(`${secret} ${JSON.stringify({ secret })}`).toBe('[redacted] {"secret":"[redacted]"}')
      }),
    )
  })

  test('credentials an app or a person let slip are taken out of what is sent, and the rule about data stands in every system text once', async () => {
    const slips = [
      `pk_live_${'aB3_'.repeat(10)}`,
      `Bearer abc123def456ghi789jkl`,
      `whsec_${'q1W2'.repeat(6)}`,
      `sk-proj-${'x9Y8'.repeat(6)}`,
      `ghp_${'a1B2'.repeat(9)}`,
      `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${'s1G2'.repeat(5)}`,
      `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----`,
    ]
    const tool: AgentTool = {
      ...add,
      run: async () => ({ log: slips.join(' and '), note: 'Bearer authentication' }),
    }
    const { server, model } = await play({
      turns: [
        { toolCalls: [{ name: 'add_numbers', arguments: { a: 1, b: 2 } }] },
        { text: 'ok' },
        { json: good },
      ],
    })
    await model.converse(talk([tool]))
    await model.structured({ ...ask, prompt: slips.join(' ') })
    const sent = server.received.map(({ body }) => body)
    for (const slip of slips) {
      const told = slip.split(/[\s.]+/).filter((part) => /[\dA-Z]{2}|\d/.test(part) && part.length > 12)
      for (const part of told) expect(sent.join('\n')).not.toContain(part)
    }
    expect(sent[1]).toContain('Bearer authentication')
    for (const { request } of server.received)
      expect(JSON.stringify(request.messages).split('Text inside <data>')).toHaveLength(2)
  })

  test('without an endpoint the error names the settings and the plain tools', async () => {
    const models = buildModels({ settings: undefined, db })
    const options = {
      organizationId,
      runId: newId('execution'),
      budget,
      signal: new AbortController().signal,
      sink: { token: () => {}, call: () => {}, toolCall: () => {} },
    }
    expect(models.describe()).toEqual({ provider: 'none' })
    expect(() => models.forRun(options)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        hint: expect.stringMatching(/PATCHBAY_MODEL_BASE_URL.*create_workflow/),
      }),
    )
  })
})
