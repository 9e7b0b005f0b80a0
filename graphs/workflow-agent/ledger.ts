import type { JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'

/** What a run made, by the answers of its own calls. What is not in here is somebody else's. */
export interface Ledger {
  /** Workflows it made. */
  workflows: Made[]
  /** When it changed a workflow last, by the workflow's id. */
  changed: Map<string, string>
  /** When it published a version, by the version's id. */
  versions: Map<string, { version: number; at: string }>
  /** Ids of deployments. */
  deployments: Set<string>
  triggers: MadeTrigger[]
  mocks: MadeMock[]
}

interface Made {
  id: string
  slug: string
}

interface MadeTrigger {
  id: string
  type: string
  updatedAt: string
}

interface MadeMock {
  connector: string
  action: string
  scenario: string
  /** False: the scenario had answers before, which are gone. */
  isNew: boolean
  updatedAt: string
}

const TOOLS = [
  'create_workflow',
  'update_workflow',
  'publish_workflow',
  'deploy_workflow',
  'create_webhook',
  'create_scheduler',
  'set_action_mock',
]

interface Answers {
  workflow: Made & { updatedAt: string }
  version: { id: string; version: number; createdAt: string }
  deployment: { id: string }
  unchanged: boolean
  trigger: MadeTrigger
  mock: Omit<MadeMock, 'isNew'>
  created: boolean
}

export async function ledgerOf(run: RunContext): Promise<Ledger> {
  const ledger: Ledger = {
    workflows: [],
    changed: new Map(),
    versions: new Map(),
    deployments: new Set(),
    triggers: [],
    mocks: [],
  }
  for (const { tool, output } of await run.did(TOOLS)) enter(ledger, tool, output)
  return ledger
}

function enter(ledger: Ledger, tool: string, output: JsonObject): void {
  const { workflow, version, deployment, unchanged, trigger, mock, created } = output as unknown as Answers
  switch (tool) {
    case 'create_workflow':
      ledger.workflows.push({ id: workflow.id, slug: workflow.slug })
      ledger.changed.set(workflow.id, workflow.updatedAt)
      break
    case 'update_workflow':
      ledger.changed.set(workflow.id, workflow.updatedAt)
      break
    case 'publish_workflow':
      ledger.versions.set(version.id, { version: version.version, at: version.createdAt })
      break
    case 'deploy_workflow':
      if (!unchanged) ledger.deployments.add(deployment.id)
      break
    case 'set_action_mock': {
      const { connector, action, scenario, updatedAt } = mock
      const before = ledger.mocks.find(
        (one) => one.connector === connector && one.action === action && one.scenario === scenario,
      )
      if (before !== undefined) before.updatedAt = updatedAt
      else ledger.mocks.push({ connector, action, scenario, isNew: created, updatedAt })
      break
    }
    default:
      ledger.triggers.push({ id: trigger.id, type: trigger.type, updatedAt: trigger.updatedAt })
  }
}
