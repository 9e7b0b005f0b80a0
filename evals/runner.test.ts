import { expect, test } from 'vitest'
import type { Doors } from './doors.ts'
import { reportText } from './report/text.ts'
import { runSuite } from './runner.ts'
import type { OpenSuite, Suite, Task } from './suite.ts'
import { withReferences } from './valid.ts'

/** A suite of switches: the task is to turn one on, and not to touch the other. */
function switches(count: number) {
  const events: string[] = []
  const state = { mine: false, other: false, fleeting: false }
  const task = (number: number): Task<{ state: typeof state }> => ({
    id: `switch ${number}`,
    class: number % 2 === 0 ? 'even' : 'odd',
    environment: 'hall',
    situation: { state },
    check: async () => {
      const passed = state.mine || state.fleeting
      state.fleeting = false
      return { passed, problems: passed ? [] : ['it is off'] }
    },
    regressions: async () => (state.other ? ['the other switch'] : []),
    solve: async () => {
      state.mine = true
      return {}
    },
    reset: async () => {
      events.push(`reset ${number}`)
      state.mine = false
      state.other = false
    },
    restart: async () => {
      events.push(`restart ${number}`)
    },
  })
  const suite: Suite<{ state: typeof state }> = {
    name: 'switches',
    description: '',
    policies: {
      clumsy:
        () =>
        async ({ situation }) => {
          situation.state.mine = true
          situation.state.other = true
          return { steps: 2 }
        },
      odd:
        () =>
        async ({ id, situation }) => {
          if (id.endsWith('2')) throw new Error('no power')
          situation.state.mine = true
          return { steps: 1, tokens: 10 }
        },
      flickering: () => {
        let tries = 0
        return async ({ situation }) => {
          tries += 1
          situation.state.mine = tries % 3 !== 0
          return { steps: 1 }
        }
      },
      fleeting:
        () =>
        async ({ situation }) => {
          situation.state.fleeting = true
          return {}
        },
    },
    open: async (): Promise<OpenSuite<{ state: typeof state }>> => ({
      async *tasks() {
        for (let number = 1; number <= count; number += 1) yield task(number)
      },
      notes: () => ({}),
      close: async () => {
        events.push('closed')
      },
    }),
  }
  return { suite, events }
}

const doors: Doors = {
  call: async () => ({}),
  post: async () => ({ status: 200, body: {} }),
  as: () => doors,
}

const options = (policy: string) => ({
  policy,
  doors,
  seed: 1,
  count: 4,
  maxSeconds: 60,
  settings: {},
  note: () => {},
})

test('who does nothing passes nothing, the oracle passes everything, and every task is reset', async () => {
  const { suite, events } = switches(4)
  expect((await runSuite(suite, options('nothing'))).total).toMatchObject({ passed: 0, total: 4 })
  expect((await runSuite(suite, options('oracle'))).total).toMatchObject({ passed: 4, total: 4 })
  expect(events.filter((event) => event.startsWith('reset'))).toHaveLength(8)
  expect(events.filter((event) => event === 'closed')).toHaveLength(2)
})

test('a task that is done at the cost of something else has failed, and the regression is counted', async () => {
  const report = await runSuite(switches(4).suite, options('clumsy'))
  expect(report.total.passed).toBe(0)
  expect(report.regressions).toBe(4)
})

test('a policy that breaks fails its task only; what it used is summed, by class too', async () => {
  const report = await runSuite(switches(4).suite, options('odd'))
  expect(report.total).toMatchObject({ passed: 3, total: 4 })
  expect(report.byClass).toMatchObject({ even: { passed: 1, total: 2 }, odd: { passed: 2, total: 2 } })
  expect(report).toMatchObject({ tokens: 30, steps: 3 })
  expect(report.tasks[1]?.problems).toEqual(['the policy failed: no power', 'it is off'])
  expect(reportText(report)).toMatch(/all +3\/4 +75\.0 % .*switch 2: the policy failed: no power/s)
})

test('an unknown policy is refused with those there are', async () => {
  await expect(runSuite(switches(1).suite, options('best'))).rejects.toThrow(
    "no policy 'best'; it has nothing, oracle, clumsy, odd",
  )
})

test('each task is tried as often as asked from its start, and pass^k falls where pass@1 does not', async () => {
  const { suite, events } = switches(2)
  const report = await runSuite(suite, { ...options('flickering'), count: 2, trials: 3 })
  expect(report.tasks.map(({ trials }) => trials.map(({ passed }) => passed))).toEqual([
    [true, true, false],
    [true, true, false],
  ])
  expect(report.total).toMatchObject({ passed: 4, total: 6 })
  expect(report.passHat.map(({ rate }) => Number(rate.toFixed(3)))).toEqual([0.667, 0.333, 0])
  expect(events.filter((event) => event === 'restart 1')).toHaveLength(2)
  expect(report.tasks[0]).toMatchObject({ passed: false, steps: 3 })
  expect(reportText(report)).toMatch(/pass@1 +4\/6.*pass\^3 +0\/2/s)
})

test('an end state that is there once, and gone when it is looked at again, is none', async () => {
  const report = await runSuite(switches(1).suite, options('fleeting'))
  expect(report.tasks[0]).toMatchObject({
    passed: false,
    problems: ['it passed, but not again: it is off'],
  })
})

test('a fixture that is another after the run is named, and makes the report invalid', async () => {
  const { suite } = switches(1)
  const fixtures = { wiring: 'red', fuse: 'whole' }
  const changing: typeof suite = {
    ...suite,
    policies: {
      rewiring: () => async () => {
        fixtures.wiring = 'blue'
        return {}
      },
    },
    open: async (given) => ({ ...(await suite.open(given)), fixtures: async () => ({ ...fixtures }) }),
  }
  const report = await runSuite(changing, options('rewiring'))
  expect(report.fixturesChanged).toEqual(['wiring'])
  expect(withReferences(report, []).invalid).toEqual([
    "after rewiring, the fixture 'wiring' was not what it was before",
  ])
})

test('a report is valid only beside an oracle that did everything and an idler that did nothing', async () => {
  const { suite } = switches(4)
  const run = (policy: string) => runSuite(suite, options(policy))
  const [odd, nothing, oracle] = [await run('odd'), await run('nothing'), await run('oracle')]
  const good = withReferences(odd, [nothing, oracle])
  expect(good.invalid).toEqual([])
  expect(good.beside.map(({ policy, total }) => [policy, total.rate])).toEqual([
    ['nothing', 0],
    ['oracle', 1],
  ])
  expect(reportText(good)).toMatch(/beside: oracle +4\/4/)
  const asIdler = { ...odd, policy: 'nothing' }
  expect(withReferences(odd, [asIdler]).invalid.join()).toMatch('nothing scored 3 of 4, and has to score 0 %')
  expect(withReferences(odd, [{ ...odd, policy: 'oracle' }]).invalid.join()).toMatch(/first: switch 2/)
  const others = { ...nothing, tasks: nothing.tasks.map((task) => ({ ...task, id: `${task.id}b` })) }
  expect(withReferences(odd, [others]).invalid).toEqual(['nothing was given other tasks'])
})
