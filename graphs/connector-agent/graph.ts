import {
  BuildConnectorInput,
  BuildEventsInput,
  FixActionInput,
  RepairConnectorInput,
  TestConnectorInput,
} from '../../tools/agents/connector-inputs.ts'
import { type AnyAgent, defineAgent, type GraphBuilder, type GraphFrame } from '../frame/define-agent.ts'
import { buildEvents } from './build-events.ts'
import { askToTest, create, findEvents, lookUp } from './create.ts'
import { discover } from './discover.ts'
import { takeOver } from './drift.ts'
import { conclude, fix, review } from './fix.ts'
import { ConnectorOutput } from './output.ts'
import { type State, stateOf } from './state.ts'
import { takeBack } from './take-back.ts'
import { askToFix, planTest, tellTest, testGroup } from './test.ts'

const MAKING = { discover, create, build_events: buildEvents, find_events: findEvents }
const MENDING = { ask_to_fix: askToFix, fix, review, take_back: takeBack }

type Nodes = Record<string, (state: State, run: Parameters<typeof discover>[1]) => Promise<Partial<State>>>

/** Nodes one after the other; a test among them is done by groups at the same time. */
function chain(frame: GraphFrame, parts: { before: Nodes; test: boolean; after: Nodes }): GraphBuilder {
  const { StateGraph, START, END, Send } = frame.langgraph
  // Names of nodes are data here, which LangGraph's types know only as literals.
  const graph = new StateGraph(stateOf(frame.langgraph)) as unknown as LooseGraph
  const add = (nodes: Nodes, from: string): string => {
    let last = from
    for (const [name, run] of Object.entries(nodes)) {
      graph.addNode(name, frame.node(run)).addEdge(last, name)
      last = name
    }
    return last
  }
  let last = add(parts.before, START)
  if (parts.test) {
    last = add({ plan_test: planTest }, last)
    graph.addNode('test_group', frame.node(testGroup)).addNode('tell_test', frame.node(tellTest))
    graph.addConditionalEdges(
      last,
      ({ groups, ...state }: State) =>
        groups.length === 0
          ? 'tell_test'
          : groups.map((group) => new Send('test_group', { ...state, group })),
      ['test_group', 'tell_test'],
    )
    graph.addEdge('test_group', 'tell_test')
    last = 'tell_test'
  }
  last = add(parts.after, last)
  graph
    .addNode(
      'conclude',
      frame.node((state: State) => conclude(state)),
    )
    .addEdge(last, 'conclude')
  graph.addEdge('conclude', END)
  return graph
}

interface LooseGraph extends GraphBuilder {
  addNode(name: string, run: unknown): LooseGraph
  addEdge(from: string, to: string): LooseGraph
  addConditionalEdges(from: string, to: (state: State) => unknown, ends: string[]): LooseGraph
}

const MAKING_TOOLS = [
  'get_action',
  'keep_connector_version',
  'import_spec',
  'discover_spec',
  'export_connector',
  'create_connector',
  'update_connector',
  'create_action',
  'update_action',
  'define_event',
  'index_api_docs',
  'list_api_docs',
  'search_api_docs',
]
const TESTING_TOOLS = ['export_connector', 'list_connections', 'test_actions']
const MENDING_TOOLS = [
  ...TESTING_TOOLS,
  'delete_api_docs',
  'propose_action_fix',
  'keep_connector_version',
  'get_connector',
  'restore_connector_version',
  'update_action',
  'update_connector',
  'index_api_docs',
  'list_api_docs',
  'search_api_docs',
]

export const connectorAgent = defineAgent({
  name: 'connector_agent',
  title: 'Connector Agent',
  description:
    'Builds a connector from an API description or documentation, tests it with a test account, mends what fails, and reports. With a description it needs no model.',
  needsModel: false,
  tools: [...new Set([...MAKING_TOOLS, ...MENDING_TOOLS, 'delete_connector'])],
  input: BuildConnectorInput,
  output: ConnectorOutput,
  graph: (frame) =>
    chain(frame, { before: { ...MAKING, ask_to_test: askToTest }, test: true, after: MENDING }),
})

export const specImportBuilder = defineAgent({
  name: 'spec_import_builder',
  title: 'Spec Import Builder',
  description:
    'Finds and reads an API description, chooses operations (named, by a goal with a model, or all) and makes the connector.',
  needsModel: false,
  tools: ['import_spec', 'discover_spec', 'export_connector', 'keep_connector_version'],
  input: BuildConnectorInput.omit({ docs: true }),
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: { discover, create }, test: false, after: {} }),
})

export const manualActionBuilder = defineAgent({
  name: 'manual_action_builder',
  title: 'Manual Action Builder',
  description:
    'Writes a connector’s actions from documentation in prose, each with the passages it is founded on.',
  needsModel: true,
  tools: MAKING_TOOLS,
  input: BuildConnectorInput.omit({ spec: true, url: true, discover: true, operations: true }),
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: { discover, create }, test: false, after: {} }),
})

export const connectorBuilder = defineAgent({
  name: 'connector_builder',
  title: 'Connector Builder',
  description:
    'Makes a connector with its actions and events from a description or documentation, without testing it.',
  needsModel: false,
  tools: MAKING_TOOLS,
  input: BuildConnectorInput,
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: MAKING, test: false, after: {} }),
})

export const eventBuilder = defineAgent({
  name: 'event_builder',
  title: 'Event Builder',
  description:
    'Defines a connector’s events: with its actions that subscribe, and, with a model, as its documentation tells of them; tells which can start workflows, by webhook or only by polling.',
  needsModel: false,
  tools: ['export_connector', 'define_event', 'index_api_docs', 'list_api_docs', 'search_api_docs'],
  input: BuildEventsInput,
  output: ConnectorOutput,
  graph: (frame) =>
    chain(frame, {
      before: { look_up: lookUp, build_events: buildEvents, find_events: findEvents },
      test: false,
      after: {},
    }),
})

export const actionTester = defineAgent({
  name: 'action_tester',
  title: 'Action Tester',
  description:
    'Tests a connector’s actions with a test account: status, schema and data, independent ones at the same time, and cleans up.',
  needsModel: false,
  tools: TESTING_TOOLS,
  input: TestConnectorInput,
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: {}, test: true, after: {} }),
})

export const actionFixer = defineAgent({
  name: 'action_fixer',
  title: 'Action Fixer',
  description: 'Tests actions and mends those that fail; a patch stays only when a new test proves it.',
  needsModel: false,
  tools: MENDING_TOOLS,
  input: FixActionInput,
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: {}, test: true, after: MENDING }),
})

export const connectorRepairer = defineAgent({
  name: 'connector_repairer',
  title: 'Connector Repairer',
  description: 'Takes over what an API changed, with whom that hits approved first; then tests and mends.',
  needsModel: false,
  tools: [...MENDING_TOOLS, 'check_connector_drift', 'import_spec'],
  input: RepairConnectorInput,
  output: ConnectorOutput,
  graph: (frame) => chain(frame, { before: { take_over: takeOver }, test: true, after: MENDING }),
})

/** The Connector Agent and its sub-agents, each of which can be started alone. */
export const connectorAgents: readonly AnyAgent[] = [
  connectorAgent,
  specImportBuilder,
  manualActionBuilder,
  connectorBuilder,
  eventBuilder,
  actionTester,
  actionFixer,
  connectorRepairer,
]
