import type { Body } from '../setup/platform.ts'
import { OWNER_KEY } from '../setup/server-process.ts'
import type { Ledger } from './ledger.ts'

const SET_UP_MS = 60_000
const TRY_MS = 5_000
const AGAIN_MS = 300
const RETRY = { maxAttempts: 10, initialIntervalMs: 500, backoffCoefficient: 1.5, maxIntervalMs: 5_000 }

/** What a workflow is to do for one order; every effect happens once, whatever happens meanwhile. */
const ORDER = (ledger: string) => `export default async (ctx) => {
  const { order, kind } = ctx.input
  const record = (ctx, effect, more) => ctx.connectors.ledger.record({ effect: order + '/' + effect, ...more })
  await record(ctx, 'first')
  const { stamp } = await ctx.step('stamp', async (ctx) => {
    await record(ctx, 'in-step')
    return { stamp: crypto.randomUUID() }
  })
  await ctx.state.set('order-' + order, stamp)
  await Promise.all([record(ctx, 'left'), record(ctx, 'right')])
  const child = await ctx.workflows.run('fault-child', { order })
  await ctx.sleep(500)
  if (kind === 'sleeps') await ctx.sleep('6s')
  let event = null
  if (kind === 'waits') {
    await record(ctx, 'asks')
    event = await ctx.wait.event('go', { key: order, timeout: '1 hour' })
  }
  if (kind === 'fetches') {
    await ctx.fetch('${ledger}/', { method: 'POST', body: JSON.stringify({ effect: order + '/unkeyed' }) })
  }
  await record(ctx, 'last', { stamp })
  return { order, stamp, state: await ctx.state.get('order-' + order), child: child.child, event }
}`
/** The same without an app, and without a retry policy: faults of ours alone must not fail it. */
const QUIET = `export default async (ctx) => {
  const { order } = ctx.input
  const { stamp } = await ctx.step('stamp', () => ({ stamp: crypto.randomUUID() }))
  await ctx.state.set('order-' + order, stamp)
  const child = await ctx.workflows.run('fault-quiet-child', { order })
  await ctx.sleep(700)
  return { order, stamp, state: await ctx.state.get('order-' + order), child: child.child }
}`
const QUIET_CHILD = `export default async (ctx) => {
  await ctx.state.set('child-of-' + ctx.input.order, 1)
  await ctx.sleep(300)
  return { child: ctx.input.order }
}`
const CHILD = `export default async (ctx) => {
  await ctx.connectors.ledger.record({ effect: ctx.input.order + '/child' })
  return { child: ctx.input.order }
}`

const KINDS = ['plain', 'sleeps', 'quiet', 'waits', 'fetches'] as const
const EFFECTS = ['first', 'in-step', 'left', 'right', 'child', 'last']

/** The effects an order is to have. */
export const effectsOf = (order: string): string[] =>
  kindOf(order) === 'quiet'
    ? []
    : [...EFFECTS, ...(kindOf(order) === 'waits' ? ['asks'] : [])].map((effect) => `${order}/${effect}`)
export const kindOf = (order: string) => KINDS[Number(order) % KINDS.length] ?? 'plain'

export interface Workload {
  /** Orders that were answered with 202, and the executions named in the answer (none when it had got through before). */
  accepted: ReadonlyMap<string, string | undefined>
  /** Deliveries that were refused or not answered, and were sent again. */
  repeated: number
  start(perSecond: number): void
  /** No new ones; resolves when all that were sent are accepted. */
  finish(): Promise<void>
}

/** Installs the workflows and delivers orders to them, as a patient sender does: again until it hears 202. */
export async function installWorkload(url: string, ledger: Ledger): Promise<Workload> {
  const tool = async (name: string, input: object, ms = SET_UP_MS): Promise<Body> => {
    const response = await fetch(`${url}/api/v1/tools/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(ms),
    })
    const body = (await response.json()) as Body
    if (!response.ok) throw new Error(`${name} answered ${response.status}: ${JSON.stringify(body)}`)
    return body
  }
  await tool('import_spec', { slug: 'ledger', baseUrl: ledger.url, spec: JSON.stringify(LEDGER_API) })
  for (const [slug, code, settings] of [
    ['fault-child', CHILD, { retry: RETRY }],
    ['fault-order', ORDER(ledger.url), { retry: RETRY }],
    ['fault-quiet-child', QUIET_CHILD, {}],
    ['fault-quiet', QUIET, {}],
  ] as const) {
    await tool('create_workflow', { name: slug, slug, code, ...settings })
    await tool('publish_workflow', { workflow: slug })
    await tool('deploy_workflow', { workflow: slug, environment: 'dev' })
  }
  const { trigger } = await tool('create_webhook', {
    name: 'orders',
    verification: { scheme: 'none' },
    deduplication: { payloadPath: 'order' },
    routes: [
      {
        workflow: 'fault-order',
        environment: 'dev',
        filter: { field: 'payload.kind', op: 'neq', value: 'quiet' },
      },
      {
        workflow: 'fault-quiet',
        environment: 'dev',
        filter: { field: 'payload.kind', op: 'eq', value: 'quiet' },
      },
    ],
  })

  const accepted = new Map<string, string | undefined>()
  const underWay = new Set<Promise<void>>()
  /** Orders that have got their event, whether or not the answer to it was heard. */
  const over = new Set<string>()
  let repeated = 0
  let timer: NodeJS.Timeout | undefined
  let next = 0

  const until = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        await work()
        return
      } catch {
        // Refused, cut off, not answered: whatever it was, a sender sends again.
        repeated += 1
        await new Promise((again) => setTimeout(again, AGAIN_MS))
      }
    }
  }
  const deliver = (order: string) =>
    until(async () => {
      const response = await fetch(trigger.webhook.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ order, kind: kindOf(order) }),
        signal: AbortSignal.timeout(TRY_MS),
      })
      if (response.status !== 202) throw new Error(`answered ${response.status}`)
      const body = (await response.json()) as Body
      accepted.set(order, body.executionIds[0])
    })
  const keep = (work: Promise<void>) => {
    underWay.add(work)
    void work.then(() => underWay.delete(work))
  }
  /** An order that asks gets its event when the execution waits for it, or a moment later. */
  const send = (order: string) =>
    until(async () => {
      const { received } = await tool('send_event', { name: 'go', key: order, payload: { order } }, TRY_MS)
      if (received.length === 0 && !over.has(order)) throw new Error('nobody waits yet')
    })
  ledger.onEffect = (effect) => {
    const [order = '', what] = effect.split('/')
    if (what === 'asks') keep(send(order))
    if (what === 'last') over.add(order)
  }

  return {
    accepted,
    get repeated() {
      return repeated
    },
    start: (perSecond) => {
      timer = setInterval(() => keep(deliver(String(next++))), 1000 / perSecond)
    },
    finish: async () => {
      clearInterval(timer)
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}

const LEDGER_API = {
  openapi: '3.0.3',
  info: { title: 'Ledger', version: '1' },
  paths: {
    '/record': {
      post: {
        operationId: 'record',
        parameters: [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } }],
        requestBody: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                properties: { effect: { type: 'string' }, stamp: { type: 'string' } },
                required: ['effect'],
              },
            },
          },
        },
        responses: { 200: { description: 'ok' } },
      },
    },
  },
}
