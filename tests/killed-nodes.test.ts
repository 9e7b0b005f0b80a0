import * as langgraph from '@langchain/langgraph'
import { expect, test } from 'vitest'
import type { AnyAgent, GraphFrame } from '../graphs/frame/define-agent.ts'
import { agents } from '../graphs/index.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'

type NodeFunction = (...args: never[]) => unknown

/** What each node of an agent's graph runs. */
function nodesOf(agent: AnyAgent): Map<string, NodeFunction> {
  const ran = new Map<unknown, NodeFunction>()
  const node = ((run: NodeFunction) => {
    const placed = () => Promise.resolve({})
    ran.set(placed, run)
    return placed
  }) as unknown as GraphFrame['node']
  const graph = agent.graph({ langgraph, node }) as unknown as {
    nodes: Record<string, { runnable: { func: unknown } }>
  }
  return new Map(
    Object.entries(graph.nodes).map(([name, { runnable }]) => {
      const run = ran.get(runnable.func)
      if (run === undefined) throw new Error(`'${name}' of ${agent.name} is no node of the frame`)
      return [name, run]
    }),
  )
}

test('each node of each agent that can do anything is one at which a test kills the server', () => {
  const nodes = new Map(agents.map((agent) => [agent.name, nodesOf(agent)]))
  const killed = new Set(
    Object.entries(KILLED_NODES).flatMap(([agent, names]) =>
      names.map((name) => {
        const run = nodes.get(agent)?.get(name)
        expect(run, `${agent} has a node '${name}'`).toBeDefined()
        return run
      }),
    ),
  )
  const missing = [...nodes].flatMap(([agent, all]) =>
    [...all].flatMap(([name, run]) => {
      // What is given no run only reckons: it can call, ask and say nothing.
      const canAct = run.length > 1
      return canAct && !killed.has(run) ? [`${name} of ${agent}`] : []
    }),
  )
  expect(missing, 'name each in tests/setup/killed-nodes.ts, by the test that kills there').toEqual([])
})
