import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { prepareWorkflow, validateWorkflow } from '../../runtime/sandbox/prepare.ts'
import { type FlowStep, flowCode } from './flow-code.ts'

const step = (name: string, mapping: Record<string, unknown>, more: Partial<FlowStep> = {}): FlowStep => ({
  name,
  type: 'action',
  connector: 'app',
  action: 'do_it',
  mapping,
  ...more,
})

type Workflow = (ctx: object) => Promise<unknown>
/** Runs generated code here: the calls it makes, and what it returns. */
async function run(code: string, input: unknown, answers: unknown[] = []) {
  const calls: { action: string; input: unknown }[] = []
  const action = (name: string) => async (given: unknown) => {
    calls.push({ action: name, input: given })
    return answers[calls.length - 1]
  }
  const connectors = new Proxy(
    {},
    { get: (_, app) => new Proxy({}, { get: (__, name) => action(`${String(app)}.${String(name)}`) }) },
  )
  const module = (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as {
    default: Workflow
  }
  return { output: await module.default({ input, connectors, customer: { id: 'cus_1' } }), calls }
}

test('values come from the trigger and from earlier steps, keeping their type', async () => {
  const code = flowCode({
    name: 'Orders',
    steps: [
      step('find customer', { email: '{{trigger.order.email}}', limit: 1 }),
      step('notify', {
        text: 'Order {{trigger.order.id}} of {{ steps.find customer.output.items[0].name }}',
        tags: ['{{trigger.order.tags}}', 'new'],
        owner: '{{customer.id}}',
      }),
    ],
  })
  const { calls, output } = await run(code, { order: { email: 'a@b.c', id: 7, tags: ['x'] } }, [
    { items: [{ name: 'Ada' }] },
    { ok: true },
  ])
  expect(calls).toEqual([
    { action: 'app.do_it', input: { email: 'a@b.c', limit: 1 } },
    { action: 'app.do_it', input: { text: 'Order 7 of Ada', tags: [['x'], 'new'], owner: 'cus_1' } },
  ])
  expect(output).toEqual({ 'find customer': { items: [{ name: 'Ada' }] }, notify: { ok: true } })
  expect(validateWorkflow(code)).toMatchObject({
    valid: true,
    connectors: [{ slug: 'app', action: 'do_it' }],
  })
})

test('a filter stops the flow, and says which it was', async () => {
  const code = flowCode({
    name: 'Paid only',
    steps: [step('paid', { condition: '{{trigger.paid}}' }, { type: 'filter' }), step('act', {})],
  })
  expect(await run(code, { paid: false })).toEqual({ output: { stopped: 'paid' }, calls: [] })
  expect((await run(code, { paid: true })).calls).toHaveLength(1)
})

test('a step that does not exist, or comes later, is refused with the token and those there are', () => {
  const refused = () =>
    flowCode({ name: 'x', steps: [step('a', { id: '{{steps.b.output.id}}' }), step('b', {})] })
  expect(refused).toThrow(AppError)
  expect(refused).toThrow('{{steps.b.output.id}} refers to nothing')
})

test('whatever a mapping holds is data, never code', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }),
      fc.string({ unit: 'binary' }),
      async (mapping, text) => {
        const noTokens = JSON.parse(JSON.stringify({ ...mapping, text }).replaceAll('{{', '{ {'))
        const code = flowCode({ name: `${text}\u2028*/ evil()`, steps: [step(text || 'a', noTokens)] })
        expect(() => prepareWorkflow(code)).not.toThrow()
        expect((await run(code, {})).calls[0]?.input).toEqual(noTokens)
      },
    ),
    { numRuns: 60 },
  )
})

test('text around a token keeps backticks, backslashes and dollar braces as they are', async () => {
  const around = (value: string) => ['`\\', `{1} ${value} \``, '{evil()}`'].join('$')
  const code = flowCode({ name: 'x', steps: [step('a', { text: around('{{trigger.v}}') })] })
  expect((await run(code, { v: 1 })).calls[0]?.input).toEqual({ text: around('1') })
})
