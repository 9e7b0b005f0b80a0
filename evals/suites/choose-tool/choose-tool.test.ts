import { expect, test } from 'vitest'
import { intents } from './intents.ts'
import { taskOf } from './suite.ts'

const known = new Set(['get_trace', 'list_traces', 'list_execution_steps', 'get_execution'])
const intent = {
  group: 'activity',
  tools: ['list_execution_steps', 'get_execution'],
  says: ['Which step failed?'],
} as const

async function judged(...choices: string[]) {
  const task = taskOf(intent, 'Which step failed?', 0, known)
  for (const choice of choices) task.situation.choose(choice)
  return task.check()
}

test('any tool that does what is asked for passes', async () => {
  expect(await judged('list_execution_steps')).toEqual({ passed: true, problems: [] })
  expect(await judged('get_execution')).toEqual({ passed: true, problems: [] })
})

test('near misses fail: no choice, a sibling, one that is not there, and two of which one is right', async () => {
  expect((await judged()).problems).toEqual(['no tool was chosen'])
  expect((await judged('get_trace')).problems[0]).toMatch(
    'list_execution_steps or get_execution, not get_trace',
  )
  expect((await judged('list_steps')).problems).toEqual(["there is no tool 'list_steps'"])
  expect((await judged('get_execution', 'get_trace')).problems[0]).toMatch('more than one')
})

test('every wish has phrasings of its own, and none gives its tool away by name', () => {
  const all = intents.flatMap(({ says }) => says)
  expect(new Set(all).size).toBe(all.length)
  const given = intents.filter(({ says, tools }) =>
    says.some((wish) => tools.some((tool) => wish.includes(tool))),
  )
  expect(given).toEqual([])
  expect(intents.every(({ says }) => says.length >= 4)).toBe(true)
})
