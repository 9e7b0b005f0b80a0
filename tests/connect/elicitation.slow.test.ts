import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Body, eventually } from '../setup/platform.ts'
import { openSetting, RIGHT_KEY, type Setting } from './setting.ts'

let setting: Setting
beforeAll(async () => {
  setting = await openSetting()
})
afterAll(() => setting.close())

type Action = 'accept' | 'decline' | 'cancel'
interface Asking {
  call(name: string, input: object): Promise<Body>
  /** What the person was shown. */
  shown: { url: string; message: string; elicitationId?: string }[]
  completed: string[]
  close(): Promise<void>
}

const INFO = { name: 'elicitation-test', version: '1.0.0' }
const address = (query: string) => new URL(`${setting.platform.url}/mcp${query}`)
const authorized = () => ({
  requestInit: { headers: { authorization: `Bearer ${setting.tenant.ownerKey}` } },
})

/** A client of each era whose person answers so; null: it cannot show addresses. */
const clients: Record<string, (query: string, action: Action | null, act?: Act) => Promise<Asking>> = {
  '2025-11-25': async (query, action, act) => {
    const shown: Asking['shown'] = []
    const completed: string[] = []
    const client = new ClientV1(INFO, { capabilities: action === null ? {} : { elicitation: { url: {} } } })
    if (action !== null) {
      client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
        shown.push(params as Asking['shown'][0])
        await act?.(params as Asking['shown'][0])
        return { action }
      })
    }
    client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
      completed.push(params.elicitationId)
    })
    await client.connect(new HttpV1(address(query), authorized()) as never)
    return {
      shown,
      completed,
      call: (name, input) => client.callTool({ name, arguments: { ...input } }) as Promise<Body>,
      close: () => client.close(),
    }
  },
  '2026-07-28': async (query, action, act) => {
    const shown: Asking['shown'] = []
    const client = new ClientV2(INFO, {
      capabilities: action === null ? {} : { elicitation: { url: {} } },
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    })
    if (action !== null) {
      client.setRequestHandler('elicitation/create', async ({ params }) => {
        shown.push(params as Asking['shown'][0])
        await act?.(params as Asking['shown'][0])
        return { action }
      })
    }
    await client.connect(new HttpV2(address(query), authorized()))
    return {
      shown,
      completed: [],
      call: (name, input) => client.callTool({ name, arguments: { ...input } }) as Promise<Body>,
      close: () => client.close(),
    }
  },
}
type Act = (asked: { url: string }) => Promise<void>

/** What the person does with the address: fills in the form on the page. */
const connectAt: Act = async ({ url }) => {
  const token = new URL(url).searchParams.get('token') ?? ''
  const answer = await fetch(`${setting.platform.url}/connect`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({
      token,
      connector: 'parcelo',
      method: 'key',
      do: 'connect',
      'field.apiKey': RIGHT_KEY,
    }),
  })
  if (answer.status !== 303) throw new Error(`${answer.status}: ${await answer.text()}`)
}
const parcelo = { connector: 'parcelo', customer: 'globex' }
const linkOf = async (id: string) => (await setting.tenant.ok('get_connect_link', { link: id })).link

for (const [era, open] of Object.entries(clients)) {
  test(`${era}: a client that can show an address is asked to, and the agent gets the result`, async () => {
    const client = await open('', 'accept')
    const result = await client.call('create_connect_link', parcelo)
    expect(client.shown).toEqual([
      expect.objectContaining({
        url: result.structuredContent.url,
        message: expect.stringContaining('parcelo'),
      }),
    ])
    expect(result.isError).not.toBe(true)
    expect(result.structuredContent.link).toMatchObject({ status: 'pending', connector: 'parcelo' })
    expect(JSON.stringify(result.content)).toContain('get_connect_link')
    await client.close()
  })

  test(`${era}: a person who declines leaves no link that works`, async () => {
    const client = await open('', 'decline')
    const result = await client.call('create_connect_link', parcelo)
    expect(result.structuredContent.link.status).toBe('cancelled')
    expect((await linkOf(result.structuredContent.link.id)).status).toBe('cancelled')
    await client.close()
  })

  test(`${era}: a client that cannot show an address gets the link as text`, async () => {
    const client = await open('', null)
    const result = await client.call('create_connect_link', parcelo)
    expect(result.structuredContent.url).toMatch(/\/connect\?token=/)
    expect(result.content[0].text).toContain(result.structuredContent.url)
    await client.close()
  })
}

test('2025-11-25: the client is told when its person is done', async () => {
  const client = await clients['2025-11-25']?.('', 'accept')
  if (client === undefined) throw new Error('no client')
  const { structuredContent } = await client.call('create_connect_link', parcelo)
  expect(client.shown[0]?.elicitationId).toBe(structuredContent.link.id)
  expect(client.completed).toEqual([])
  await connectAt(structuredContent)
  await eventually(async () => client.completed.length > 0)
  expect(client.completed).toEqual([structuredContent.link.id])
  await client.close()
})

test('2026-07-28: a call for want of an account waits for the person, and then succeeds', async () => {
  const { customer } = await setting.tenant.ok('create_customer', { name: 'Newcomer' })
  const client = await clients['2026-07-28']?.('', 'accept', connectAt)
  const result = await client?.call('run_action', {
    connector: 'parcelo',
    action: 'me',
    customer: customer.id,
  })
  expect(client?.shown).toHaveLength(1)
  expect(result?.structuredContent?.output).toEqual({ account: 'acme' })
  await client?.close()
})

test('2026-07-28: who comes back without having connected gets the error, and is not asked again', async () => {
  const { customer } = await setting.tenant.ok('create_customer', { name: 'Undecided' })
  const client = await clients['2026-07-28']?.('', 'cancel')
  const result = await client?.call('run_action', {
    connector: 'parcelo',
    action: 'me',
    customer: customer.id,
  })
  expect(client?.shown).toHaveLength(1)
  expect([result?.isError, result?.content[0].text]).toEqual([true, expect.stringContaining('not_found')])
  await client?.close()
})

test('2025-11-25: a call for want of an account is refused with the address it needs (-32042)', async () => {
  const { customer } = await setting.tenant.ok('create_customer', { name: 'Oldtimer' })
  const client = await clients['2025-11-25']?.('', 'accept')
  const call = { connector: 'parcelo', action: 'me', customer: customer.id }
  const refusal = await client?.call('run_action', call).then(
    () => undefined,
    (error: { code: number; data: Body }) => error,
  )
  expect(refusal?.code).toBe(-32042)
  const [asked] = refusal?.data.elicitations ?? []
  expect(asked).toMatchObject({ mode: 'url', url: expect.stringContaining('/connect?token=') })
  await connectAt(asked)
  await eventually(async () => client?.completed.includes(asked.elicitationId))
  const again = await client?.call('run_action', call)
  expect(again?.structuredContent.output).toEqual({ account: 'acme' })
  await client?.close()
})

test('in a customer’s own session the link is the customer’s', async () => {
  const { customer } = await setting.tenant.ok('create_customer', { name: 'Own session', slug: 'own' })
  for (const [era, open] of Object.entries(clients)) {
    const client = await open('?customer=own', 'accept')
    const { structuredContent } = await client.call('create_connect_link', { connector: 'parcelo' })
    expect([era, structuredContent?.link.customerId, client.shown.length]).toEqual([era, customer.id, 1])
    await client.close()
  }
})

test('an expired account’s error brings the link to reconnect it, the same one while it works', async () => {
  const { customer } = await setting.tenant.ok('create_customer', { name: 'Lapsed' })
  const client = await clients['2026-07-28']?.('', 'accept', connectAt)
  const { connection } = await setting.tenant.ok('create_connection', {
    connector: 'parcelo',
    customer: customer.id,
    authMethod: 'key',
    credentials: { apiKey: 'key-of-yesterday' },
    verify: false,
  })
  await setting.tenant.call('verify_connection', { connection: connection.id })
  const call = { connector: 'parcelo', action: 'me', customer: customer.id }
  const hints = [await setting.tenant.call('run_action', call), await setting.tenant.call('run_action', call)]
  expect(hints[0]?.body.hint).toMatch(/\/connect\?token=/)
  expect(hints[1]?.body.hint).toBe(hints[0]?.body.hint)
  const result = await client?.call('run_action', call)
  expect(client?.shown[0]?.message).toContain('reconnect')
  expect(result?.structuredContent?.output).toEqual({ account: 'acme' })
  const now = (await setting.tenant.ok('get_connection', { connection: connection.id })).connection
  expect(now).toMatchObject({ id: connection.id, status: 'active' })
  await client?.close()
})

test('state that another key brings back, or that was changed, is refused', async () => {
  const ask = (key: string, extra: object) =>
    fetch(address(''), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'create_connect_link',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'create_connect_link',
          arguments: parcelo,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': INFO,
            'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
          },
          ...extra,
        },
      }),
    }).then(async (answer) => (await answer.text()).replace(/^[\s\S]*?data: /, ''))
  const first = JSON.parse(await ask(setting.tenant.ownerKey, {}))
  expect(first.result.resultType).toBe('input_required')
  const retry = { inputResponses: { connect: { action: 'accept' } }, requestState: first.result.requestState }
  const other = await setting.tenant.key({ role: 'admin' })
  expect(await ask(other, retry)).toContain('requestState is not')
  expect(await ask(setting.tenant.ownerKey, { ...retry, requestState: `${retry.requestState}x` })).toContain(
    'requestState is not',
  )
  expect(JSON.parse(await ask(setting.tenant.ownerKey, retry)).result.structuredContent.link.status).toBe(
    'pending',
  )
})
