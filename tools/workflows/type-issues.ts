import { AppError } from '../../core/errors.ts'
import type { ReadWorkflow, WorkflowIssue } from '../../runtime/sandbox/prepare.ts'
import { checkTypes } from '../../runtime/workflow-types/check-types.ts'
import type { ToolContext } from '../define-tool.ts'

export interface TypeReport {
  issues: WorkflowIssue[]
  /** Why the types could not be checked; null when they were. */
  unchecked: string | null
}

/**
 * What the types say about a workflow. That they cannot be checked (the compiler does not run here, or takes too
 * long) is told, and stops nobody: they are the last of several checks.
 */
export async function typeIssues(
  context: Pick<ToolContext, 'read' | 'signal' | 'log'>,
  source: string,
  workflow: ReadWorkflow,
): Promise<TypeReport> {
  try {
    return { issues: await checkTypes(source, workflow, context.read, context.signal), unchecked: null }
  } catch (error) {
    const known = error instanceof AppError && ['timeout', 'unavailable'].includes(error.code)
    if (!known) throw error
    context.log.warn({ err: error.message, cause: String(error.cause ?? '') }, 'types not checked')
    return { issues: [], unchecked: `${error.message} ${error.hint ?? ''}`.trim() }
  }
}
