import { expect, test } from 'vitest'
import { registrar } from '../../tests/setup/agent.fixture.ts'
import { renderGraphs } from './graphs.ts'

test('an agent is drawn from its own graph, with every node and edge', async () => {
  const page = await renderGraphs([registrar])
  expect(page).toContain('`create_customer`')
  for (const edge of [/plan --> make_left/, /plan --> make_right/, /make_left --> ask/, /ask --> finish/])
    expect(page).toMatch(edge)
})
