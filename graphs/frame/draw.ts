import { compileGraph, loadLangGraph } from './build-graph.ts'
import type { AnyAgent } from './define-agent.ts'

/** An agent's graph as LangGraph draws it, in Mermaid. */
export async function drawGraph(agent: AnyAgent): Promise<string> {
  const graph = compileGraph(agent, await loadLangGraph(), undefined, () =>
    Promise.reject(new Error('a graph was run that was built to be drawn')),
  )
  return (await graph.getGraphAsync({})).drawMermaid()
}
