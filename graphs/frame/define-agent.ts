import type { LangGraphRunnableConfig } from '@langchain/langgraph'
import type { z } from 'zod'
import type { RunModel } from '../../agents/models/models.ts'
import type { Actor } from '../../core/actor.ts'
import type { Json, JsonObject } from '../../core/json.ts'

/** LangGraph itself: heavy, so it is loaded when the first run or drawing needs it, and handed to graphs. */
export type LangGraph = typeof import('@langchain/langgraph')

/** A point at which a run hands back to a person. */
export interface Handback<S extends z.ZodObject> {
  /** Which point it is, e.g. `after_discovery`: stable, for programs. */
  point: string
  /** What the person is asked, in a sentence or two. */
  question: string
  /** What they need to see to answer: a plan, a list of operations, a diff. */
  details?: JsonObject
  /** The answer: an object of strings, numbers, booleans, enums and lists of enums, each described (what MCP can ask for). */
  answer: S
  /** The answer in Auto mode. Left out: the run waits for a person in Auto mode too. */
  default?: z.input<S>
}

/** Something a run made that people look at: an integration plan, a test report, a diff, code. */
export interface Artifact {
  kind: string
  title: string
  content: Json
}

/** A call that changed something. */
export interface Did {
  tool: string
  output: JsonObject
}

/** What a node works with. One per visit of a node. */
export interface RunContext {
  runId: string
  actor: Actor
  approval: 'auto' | 'manual'
  /** Aborts when the run is canceled, its time is used up, or this process gives it up. */
  signal: AbortSignal
  /**
   * Calls a tool as the run's actor, by the one call path: permissions, audit. Only tools on the agent's list. What it
   * answered is recorded: a visit that is run again after a crash gets the recorded answer to the same call and does not
   * call twice. Between the effect and its record a crash can fall: a node whose call makes something looks first
   * whether it is there, or the tool's own idempotency key is used (`idempotencyKey` is filled in where a tool has it).
   * @throws AppError the call's own error, or `forbidden` when the tool is not on the list
   */
  call(tool: string, input: JsonObject): Promise<JsonObject>
  /**
   * As `call`, of a tool that reads, and asked anew when the visit is run again: to look whether an effect is there
   * already. A recorded answer would be from before the effect.
   */
  look(tool: string, input: JsonObject): Promise<JsonObject>
  /**
   * The value of `fn`, computed once in this visit: run again after a crash, it is taken from the record. For what is
   * costly or not the same twice (a time, a random number) and not a tool call.
   */
  once<T extends Json>(name: string, fn: () => Promise<T>): Promise<T>
  /** As `once`, but of the whole run: going back does not forget it. For how things were before the run changed them. */
  first<T extends Json>(name: string, fn: () => Promise<T>): Promise<T>
  /**
   * What the run has changed by calls of these tools, oldest first, from before it went back too: for taking it back.
   * Calls that failed are not in it.
   */
  did(tools: readonly string[]): Promise<Did[]>
  /** The models under the run's budget. @throws AppError `unavailable` when none is configured */
  model(): RunModel
  /** A sentence for whoever watches; told once, also when the visit is run again. */
  message(text: string): Promise<void>
  artifact(artifact: Artifact): Promise<void>
  /** Asks a person and gives their answer. The node is run again from its start when the answer is there. */
  handback<S extends z.ZodObject>(question: Handback<S>): Promise<z.output<S>>
}

/** What a graph is built with. */
export interface GraphFrame {
  langgraph: LangGraph
  /** Makes a node of a function of the state and the run's context; its visits are told as steps. */
  node<S, U>(
    run: (state: S, context: RunContext) => Promise<U>,
  ): (state: S, config: LangGraphRunnableConfig) => Promise<U>
}

/** A `StateGraph` that is not compiled yet; the frame compiles it with its checkpointer. */
export interface GraphBuilder {
  compile(options?: { checkpointer?: never; name?: string }): object
}

export interface AgentDefinition<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** e.g. `connector_agent` */
  name: string
  title: string
  /** For whoever must choose an agent: what it does and what comes back. */
  description: string
  input: I
  output: O
  /** Runs cannot start without a model. An agent that only explains better with one says false and asks `describe`. */
  needsModel: boolean
  /** The tools its runs may call. */
  tools: readonly string[]
  /**
   * Builds the graph. Its state has a channel `input` (what the run was started with, parsed) and a channel `output`,
   * whose value at the end is the run's output.
   */
  graph(frame: GraphFrame): GraphBuilder
}

/** An agent whose input and output types were checked at its declaration. */
export type AnyAgent = Omit<AgentDefinition, 'input' | 'output'> & { input: z.ZodObject; output: z.ZodObject }

/**
 * Declares an agent.
 * @example
 * export const greeter = defineAgent({
 *   name: 'greeter', title: 'Greeter', description: 'Greets customers.', needsModel: false, tools: ['list_customers'],
 *   input: z.object({ greeting: z.string() }), output: z.object({ greeted: z.number() }),
 *   graph: ({ langgraph: { Annotation, StateGraph, START, END }, node }) => {
 *     const State = Annotation.Root({ input: Annotation<{ greeting: string }>, output: Annotation<{ greeted: number }> })
 *     return new StateGraph(State)
 *       .addNode('greet', node(async (_state: typeof State.State, run) => {
 *         const { customers } = await run.call('list_customers', {})
 *         return { output: { greeted: Array.isArray(customers) ? customers.length : 0 } }
 *       }))
 *       .addEdge(START, 'greet').addEdge('greet', END)
 *   },
 * })
 */
export function defineAgent<I extends z.ZodObject, O extends z.ZodObject>(
  definition: AgentDefinition<I, O>,
): AgentDefinition<I, O> {
  return definition
}
