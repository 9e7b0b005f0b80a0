import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { findUsedActions } from '../../db/workflows.ts'
import { validateWorkflow as check } from '../../runtime/sandbox/prepare.ts'
import { REACHES } from '../../runtime/sandbox/seen-reach.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { Issue } from './issue.ts'
import { Code } from './settings.ts'
import { typeIssues } from './type-issues.ts'
import { requireWorkflow } from './workflow.ts'

export const validateWorkflow = defineTool({
  name: 'validate_workflow',
  title: 'Validate workflow code',
  description:
    'Checks code without running or keeping it: does it parse, does it export a function, do the connectors and actions it calls exist, and do the arguments and fields it uses fit their schemas and ctx? Each issue has its line and what to do. Give `code`, or `workflow` to check a draft.',
  input: z.object({
    code: Code.optional().describe('The code to check.'),
    workflow: WorkflowRef.optional().describe('The workflow whose draft to check.'),
  }),
  output: z.object({
    valid: z.boolean().describe('True when there are no issues.'),
    issues: z.array(Issue),
    typesUnchecked: z.string().nullable().describe('Why types could not be checked; null: they were.'),
    connectors: z
      .array(z.object({ slug: z.string(), action: z.string(), exists: z.boolean() }))
      .describe('The connector actions the code calls by name.'),
    reaches: z
      .array(z.enum(REACHES))
      .describe(
        'By what else it reaches further, as far as it can be seen: any address (fetch), secrets, other workflows (also events and configs).',
      ),
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
    const source =
      code ?? (await context.read(async (tx) => (await requireWorkflow(tx, workflow ?? '')).draft_code))
    const report = check(source)
    const { connectors, issues } = await context.read((tx) => missing(tx, report.connectors))
    const types =
      report.read === undefined
        ? { issues: [], unchecked: 'The code has to be read first.' }
        : await typeIssues(context, source, report.read)
    // What one check says of a line, another need not say again.
    const lines = new Set(report.issues.map(({ line }) => line))
    const placed = types.issues.filter(({ line }) => !lines.has(line))
    const told = new Set(placed.map(({ message }) => message.replace(/ Did you mean .*$/, '')))
    const rest = issues.filter(({ message }) => !told.has(message))
    const all = [...[...report.issues, ...placed].sort(byPlace), ...rest]
    return {
      valid: report.valid && all.length === 0,
      issues: all,
      typesUnchecked: types.unchecked,
      connectors,
      reaches: report.reaches,
    }
  },
})

const byPlace = (a: { line: number; column: number }, b: { line: number; column: number }) =>
  a.line - b.line || a.column - b.column

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
