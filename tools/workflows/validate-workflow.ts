import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { findUsedActions } from '../../db/workflows.ts'
import { validateWorkflow as check } from '../../runtime/sandbox/prepare.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { Code } from './settings.ts'
import { requireWorkflow } from './workflow.ts'

const Issue = z.object({
  line: z.number().int().nullable().describe('From 1; null when the issue is not about one place.'),
  column: z.number().int().nullable().describe('From 1.'),
  message: z.string(),
  hint: z.string().nullable().describe('What to do about it.'),
})

export const validateWorkflow = defineTool({
  name: 'validate_workflow',
  title: 'Validate workflow code',
  description:
    'Checks code without running or keeping it: does it parse, does it export a function, and do the connectors and actions it calls exist? Give `code`, or `workflow` to check a draft.',
  input: z.object({
    code: Code.optional().describe('The code to check.'),
    workflow: WorkflowRef.optional().describe('The workflow whose draft to check.'),
  }),
  output: z.object({
    valid: z.boolean().describe('True when there are no issues.'),
    issues: z.array(Issue),
    connectors: z
      .array(z.object({ slug: z.string(), action: z.string(), exists: z.boolean() }))
      .describe('The connector actions the code calls by name.'),
  }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'POST /workflows/validate',
  async run(context, input) {
    const { code, workflow } = input
    if ((code === undefined) === (workflow === undefined))
      throw invalidInput('Give either code or workflow.', {
        where: code === undefined ? 'code' : 'workflow',
        hint: '`code` checks the text given, `workflow` the draft of that workflow.',
      })
    return context.read(async (tx) => {
      const source = code ?? (await requireWorkflow(tx, workflow ?? '')).draft_code
      const report = check(source)
      const { connectors, issues } = await missing(tx, report.connectors)
      const all = [...report.issues, ...issues]
      return { valid: report.valid && all.length === 0, issues: all, connectors }
    })
  },
})

async function missing(tx: Tx, used: readonly { slug: string; action: string }[]) {
  const found = await findUsedActions(tx, used)
  return {
    connectors: found.map(({ slug, action, action_known }) => ({ slug, action, exists: action_known })),
    issues: found
      .filter(({ action_known }) => !action_known)
      .map(({ slug, action, connector_known }) => ({
        line: null,
        column: null,
        message: connector_known
          ? `The connector '${slug}' has no action '${action}'.`
          : `There is no connector '${slug}'.`,
        hint: `${connector_known ? 'list_actions' : 'list_connectors'} shows the ones there are.`,
      })),
  }
}
