import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { Approval, ApprovalRef, requireApproval, toApproval } from './approval.ts'
import { requireExecution } from './execution.ts'

export const decideApproval = defineTool({
  name: 'decide_approval',
  title: 'Approve or reject',
  description:
    'Decides an approval an execution waits for: the execution goes on at once with the decision. A decision is final. Ask the person in charge; do not decide for them.',
  input: z.object({
    approval: ApprovalRef,
    approved: z.boolean().describe('true approves, false rejects.'),
    comment: z.string().max(2_000).nullable().default(null).describe('Why; the workflow can read it.'),
  }),
  output: z.object({ approval: Approval }),
  permission: 'workflows.execute',
  effect: 'write',
  http: 'POST /approvals/:approval/decide',
  resource: (input) => input.approval,
  async run(context, input) {
    const { approved, comment } = input
    await context.read(async (tx) => {
      const { execution_id: execution } = await requireApproval(tx, input.approval)
      const { environment } = await requireExecution(tx, execution)
      await requireEnvironmentFor(tx, context.actor, environment, 'decide for workflows in')
    })
    await context.services.executions.decide(scopeOf(context.actor), input.approval, {
      approved,
      by: context.actor.id,
      comment,
    })
    return { approval: toApproval(await context.read((tx) => requireApproval(tx, input.approval))) }
  },
})
