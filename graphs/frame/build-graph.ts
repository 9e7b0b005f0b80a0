import type { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres'
import type { AnyAgent, GraphFrame, LangGraph, RunContext } from './define-agent.ts'

export interface Place {
  /** The node and the task: the same when the visit is run again. */
  visit: string
}

/** What the frame uses of a compiled graph. */
export interface CompiledGraph {
  invoke(input: unknown, config: object): Promise<unknown>
  getState(config: object): Promise<Snapshot>
  getStateHistory(config: object): AsyncIterable<Snapshot>
  getGraphAsync(config?: object): Promise<{ drawMermaid(options?: object): string }>
}

export interface Snapshot {
  values: unknown
  next: string[]
  config: { configurable?: { checkpoint_id?: string } }
  metadata?: { step?: number }
  createdAt?: string
}

export const loadLangGraph = (): Promise<LangGraph> => import('@langchain/langgraph')

/**
 * An agent's graph, compiled.
 * @param visited makes the context of a visit and runs the node's function in it
 */
export function compileGraph(
  agent: AnyAgent,
  langgraph: LangGraph,
  checkpointer: PostgresSaver | undefined,
  visited: <U>(place: Place, run: (context: RunContext) => Promise<U>) => Promise<U>,
): CompiledGraph {
  const frame: GraphFrame = {
    langgraph,
    node: (run) => (state, config) => {
      const visit: unknown = config.metadata?.langgraph_checkpoint_ns ?? config.configurable?.checkpoint_ns
      return visited({ visit: String(visit) }, (context) => run(state, context))
    },
  }
  const options = { name: agent.name, ...(checkpointer === undefined ? {} : { checkpointer }) }
  return agent.graph(frame).compile(options as never) as CompiledGraph
}
