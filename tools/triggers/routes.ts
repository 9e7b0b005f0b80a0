import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Tx } from '../../db/database.ts'
import { type RouteRow, replaceRoutes } from '../../db/triggers.ts'
import { ConditionInput } from '../../runtime/conditions/condition-input.ts'
import { EnvironmentSlug, WorkflowRef } from '../params.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { requireWorkflow } from '../workflows/workflow.ts'

export const RouteInputs = z
  .array(
    z.object({
      workflow: WorkflowRef.describe('Workflow (slug or id) to run.'),
      environment: EnvironmentSlug.default('dev').describe(
        'Runs the version deployed there; dev when left out.',
      ),
      filter: ConditionInput.optional().describe(
        'Which events this route takes; every one when left out. Either {"action": "opened"}: dot paths into the payload and the values they must equal. Or a condition: {"all": […]}, {"any": […]}, {"not": {…}}, {"field": "payload.amount", "op": "gt", "value": 100}; fields are payload.<path> or headers.<name>; operators eq, neq, gt, lt, in, contains, exists.',
      ),
    }),
  )
  .min(1)
  .max(50)
  .describe('Which workflows run. Every route whose filter matches starts one execution.')
export type RouteInputs = z.output<typeof RouteInputs>

export const Route = z.object({
  id: z.string().describe('rt_…'),
  workflow: z.string().describe('Slug of the workflow.'),
  workflowId: z.string(),
  environment: z.string(),
  filter: z.record(z.string(), z.unknown()).nullable().describe('The condition; null takes every event.'),
  deployed: z
    .boolean()
    .describe('False: nothing is deployed to that environment now, so what arrives starts nothing.'),
})

export const toRoute = (row: RouteRow) => ({
  id: row.id,
  workflow: row.workflow_slug,
  workflowId: row.workflow_id,
  environment: row.environment,
  filter: row.filter,
  deployed: row.deployed,
})

/**
 * Replaces a trigger's routes.
 * @throws AppError `not_found` naming the route whose workflow or environment there is not; `forbidden` for a
 *   test key that routes into production
 */
export async function setRoutes(tx: Tx, actor: Actor, triggerId: string, routes: RouteInputs): Promise<void> {
  const rows = []
  for (const [i, route] of routes.entries()) {
    const workflow = await at(`routes.${i}.workflow`, requireWorkflow(tx, route.workflow))
    await at(
      `routes.${i}.environment`,
      requireEnvironmentFor(tx, actor, route.environment, 'route webhooks to'),
    )
    rows.push({
      id: newId('route'),
      workflowId: workflow.id,
      environment: route.environment,
      filter: route.filter ?? null,
    })
  }
  await replaceRoutes(tx, { organizationId: actor.organizationId, triggerId }, rows)
}

/** Adds to an error which of the routes it is about. */
const at = async <T>(where: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError(error.code, error.message, {
      where,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    })
  }
}
