import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import { runAgent } from '../../client/agent.ts'
import { type Answer, ToolFailure } from '../../doors.ts'
import type { Policy, Step, SuiteOptions } from '../../suite.ts'
import { sampleInputs } from './sample.ts'
import { exported } from './world.ts'

/** What whoever mends an action is told. */
export interface FixSituation {
  connector: string
  action: string
  /** The API's description, as JSON; absent where the failures must do. */
  spec?: string
  /** May be compared with what the last import made? */
  mayCompareWithImport: boolean
}

const MAX_ROUNDS = 3

/** Patchbay's own fixer: propose, apply, try again, as propose_action_fix says to. */
export function deterministic({ doors }: SuiteOptions): Policy<FixSituation> {
  return async ({ situation }) => {
    const { connector, action, spec, mayCompareWithImport } = situation
    const trajectory: Step[] = []
    let steps = 0
    const call = (tool: string, input: object): Promise<Answer> => {
      steps += 1
      return doors.call(tool, input)
    }
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const proposal = await call('propose_action_fix', {
        connector,
        action,
        ...(spec === undefined ? {} : { spec }),
        compareWithImport: mayCompareWithImport,
      })
      const { patch, connectorPatch, update, connectorUpdate, reason, confidence } = proposal
      trajectory.push({
        kind: 'tool',
        title: 'propose_action_fix',
        input: { connector, action, round },
        output: { reason, confidence, patch, connectorPatch },
      })
      if (update === null && connectorUpdate === null) break
      if (update !== null) await call('update_action', update)
      if (connectorUpdate !== null) await call('update_connector', connectorUpdate)
      const failure = await tryOut(call, connector, action, await definitionOf(doors, connector))
      trajectory.push({
        kind: 'tool',
        title: 'run_action',
        input: { connector, action, round },
        ...(failure === undefined ? { output: 'it works' } : { error: failure }),
      })
      if (failure === undefined) break
    }
    return { steps, trajectory }
  }
}

const definitionOf = exported

/** The first failure of calls with the least and the most input. */
async function tryOut(
  call: (tool: string, input: object) => Promise<Answer>,
  connector: string,
  slug: string,
  definition: Awaited<ReturnType<typeof exported>>,
): Promise<string | undefined> {
  const action = definition.actions.find((one): one is ActionDefinition => one.slug === slug)
  if (action === undefined) return 'the action is gone'
  const { least, most } = sampleInputs(definition, action)
  for (const input of [least, most]) {
    try {
      const { warnings } = await call('run_action', { connector, action: slug, input })
      if (warnings.length > 0) return warnings.join('; ')
    } catch (error) {
      if (error instanceof ToolFailure) return error.message
      throw error
    }
  }
  return undefined
}

/** Patchbay's Action Fixer, with the model when one is given. */
export function agent({ doors }: SuiteOptions): Policy<FixSituation> {
  return ({ situation: { connector, action, spec } }) =>
    runAgent(
      doors,
      'fix_action',
      {
        ...{ connector, actions: [action], allowWrites: true },
        ...(spec === undefined ? {} : { spec }),
      },
      // The person knows that the API of the description is the one they want.
      {
        answer: ({ point, default: taken }) =>
          point === 'before_moving' ? { allow: true } : (taken ?? undefined),
      },
    )
}
