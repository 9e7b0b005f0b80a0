import { type Ledger, startLedger } from '../../demo/ledger.ts'
import { type PlayedModel, startPlayedModel } from '../../evals/models/played-model.ts'
import { readScript, type ScriptInput } from '../../evals/models/script.ts'

export const REQUEST =
  'When an order is paid in the shop, create the invoice in the ledger for the customer with that email address.'

type Turn = ScriptInput['turns'][number]
const demo = readScript(new URL('../../demo/played-build.json', import.meta.url).pathname)

/** Where each task of the agents is known by, in its system text. */
const tasks = {
  understand: 'You plan integrations between apps',
  plan: 'You write an integration plan',
  mend: 'fails some of its test cases',
  code: 'You write the code of one workflow',
  cases: 'You write the test cases of a workflow',
} as const
export type Task = keyof typeof tasks

/** What the demo's script answers to a task: a copy, to be spoilt. */
// biome-ignore lint/suspicious/noExplicitAny: scripted answers are spoilt in ways their types forbid
export function goodAnswer(task: Task): any {
  const turn = demo.turns.find(({ when }) => when?.contains?.includes(tasks[task]))
  return structuredClone(turn?.json)
}

/** A turn that answers a task, `times` times (0: always). */
export const turn = (task: Task, json: unknown, times = 0): Turn => ({
  when: { contains: [tasks[task]] },
  json,
  times,
})

/** The demo's script, with other turns before it. */
export const script = (...first: Turn[]): ScriptInput => ({ turns: [...first, ...demo.turns] })

/** Turns of a build whose cases pass at once, one of them with a mock. */
export function passingBuild(): Turn[] {
  const { cases } = goodAnswer('cases')
  const mock = { connector: 'ledger', action: 'create_invoice', scenario: 'takes it' }
  Object.assign(cases[2], { mode: 'mock', mocks: [{ ...mock, answers: [{ output: { id: '1' } }] }] })
  return [
    turn('mend', goodAnswer('mend')),
    turn('code', { ...goodAnswer('code'), code: goodAnswer('mend').code }),
    turn('cases', { cases }),
  ]
}

/** A model server that plays one script after another at one address, and the app it builds for. */
export async function startPlayground(): Promise<{
  ledger: Ledger
  modelUrl: string
  play(...first: Turn[]): Promise<PlayedModel>
  close(): Promise<void>
}> {
  const ledger = await startLedger()
  let model = await startPlayedModel(script())
  const port = Number(new URL(model.url).port)
  return {
    ledger,
    modelUrl: model.url,
    play: async (...first) => {
      await model.close()
      model = await startPlayedModel(script(...first), port)
      return model
    },
    close: async () => {
      await model.close()
      await ledger.close()
    },
  }
}
