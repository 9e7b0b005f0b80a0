import { assistant } from './assistant/graph.ts'
import { connectorAgents } from './connector-agent/graph.ts'
import type { AnyAgent } from './frame/define-agent.ts'
import { planner } from './planner/graph.ts'
import { testCaseAgent } from './test-case-agent/graph.ts'
import { workflowAgent } from './workflow-agent/graph.ts'
import { standaloneWorkflowBuilder } from './workflow-builder/graph.ts'

/** Every agent of the product, in the order lists show them. */
export const agents: readonly AnyAgent[] = [
  ...connectorAgents,
  workflowAgent,
  planner,
  testCaseAgent,
  standaloneWorkflowBuilder,
  assistant,
]
