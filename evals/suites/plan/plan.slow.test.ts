import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestPlatform, type TestPlatform } from '../../../tests/setup/platform.ts'
import { startTap } from '../../client/tap.ts'
import { buildDoors } from '../../doors.ts'
import { startPlayedModel } from '../../models/played-model.ts'
import type { Report } from '../../records.ts'
import { runSuite } from '../../runner.ts'
import type { ModelAccess } from '../../suite.ts'
import { withReferences } from '../../valid.ts'
import { meantBySeed } from './meant.ts'
import { plan, questionsOf } from './suite.ts'

const options = { seed: 3, count: 8, settings: {} }
const played = plan.played?.(options)
let model: Awaited<ReturnType<typeof startPlayedModel>>
let platform: TestPlatform
beforeAll(async () => {
  model = await startPlayedModel(played?.script ?? { turns: [] })
  const environment = { PATCHBAY_MODEL_BASE_URL: model.url, PATCHBAY_MODEL: 'played' }
  platform = await startTestPlatform('embedded', environment)
}, 120_000)
afterAll(async () => {
  await platform.close()
  await model.close()
})

async function run(policy: string, more: { count?: number; model?: ModelAccess } = {}): Promise<Report> {
  const { ownerKey } = await platform.organization()
  const doors = buildDoors(platform.url, ownerKey)
  return runSuite(plan, { ...options, policy, doors, maxSeconds: 300, note: () => {}, ...more })
}

test('it is valid; who guesses passes only where nothing had to be asked, or by luck', async () => {
  const guess = await run('guess')
  const report = withReferences(guess, [await run('nothing'), await run('oracle')])
  expect(report.invalid).toEqual([])
  expect(report.byClass['nothing to ask']).toMatchObject({ rate: 1 })
  expect(report.total.rate).toBeLessThan(0.8)
}, 240_000)

test('Patchbay’s Planner, with a played model: its questions reach the person, the answers reach the plan', async () => {
  const report = await run('agent')
  expect(report.tasks.flatMap(({ problems, regressions }) => [...problems, ...regressions])).toEqual([])
  expect(report.total).toMatchObject({ passed: 8, total: 8 })
}, 240_000)

test('a model as a client asks and hands in by tools; what is no plan is told to it, and too many questions fail it', async () => {
  const [meant] = meantBySeed(options.seed, 1)
  if (meant === undefined) throw new Error('there is no task')
  const right = meant.wish.plan(meant.chosen)
  const call = (name: string, input: object) => ({ toolCalls: [{ name, arguments: input }] })
  const asks = questionsOf(meant).map(({ question }) => question)
  const client = await startPlayedModel({
    turns: [
      call('ask_person', { questions: [...asks, 'Which colour?', 'Which font?'] }),
      call('submit_plan', { plan: { ...right, actions: [] } }),
      call('submit_plan', { plan: right }),
      { text: 'Done.' },
    ],
  })
  const tap = await startTap(client.url)
  const report = await run('client', { count: 1, model: { baseUrl: tap.url, model: 'm', seen: tap.seen } })
  await tap.close()
  await client.close()
  const [trial] = report.tasks[0]?.trials ?? []
  expect(trial?.problems).toEqual([expect.stringMatching(/^2 of \d questions change nothing: Which colour/)])
  expect(
    trial?.trajectory.filter(({ kind }) => kind === 'tool').map(({ title, error }) => [title, error]),
  ).toEqual([
    ['ask_person', undefined],
    ['submit_plan', expect.stringMatching('it is no integration plan')],
    ['submit_plan', undefined],
  ])
}, 120_000)
