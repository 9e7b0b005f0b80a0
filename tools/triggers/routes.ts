import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Json } from '../../core/json.ts'
import type { Tx } from '../../db/database.ts'
import { type RouteRow, replaceRoutes } from '../../db/triggers.ts'
import { ConditionInput } from '../../runtime/conditions/condition-input.ts'
import { EnvironmentSlug, WorkflowRef } from '../params.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { requireWorkflowHeld } from '../workflows/workflow.ts'

const target = {
  workflow: WorkflowRef.describe('Workflow (slug or id) to run.'),
  environment: EnvironmentSlug.default('dev').describe('Runs the version deployed there; dev when left out.'),
}
const filter = ConditionInput.optional().describe(
  'Webhooks: which events this route takes; every one when left out. Either {"action": "opened"}: dot paths into the payload and the values they must equal. Or a condition: {"all": […]}, {"any": […]}, {"not": {…}}, {"field": "payload.amount", "op": "gt", "value": 100}; fields are payload.<path> or headers.<name>; operators eq, neq, gt, lt, in, contains, exists.',
)
const payload = z
  .json()
  .optional()
  .describe('Schedulers: what the workflow gets as ctx.input; {} when left out.')
const routes = <T extends z.ZodObject>(route: T) => z.array(route).min(1).max(50)

export const RouteInputs = routes(z.object({ ...target, filter })).describe(
  'Which workflows run. Every route whose filter matches starts one execution.',
)
export const ScheduledRouteInputs = routes(z.object({ ...target, payload })).describe(
  'Which workflows run, each time.',
)
/** For triggers of either type; what has no effect on one is refused by whoever knows the type. */
export const AnyRouteInputs = routes(z.object({ ...target, filter, payload }))
export type RouteInput = z.output<typeof AnyRouteInputs>[number]

export const Route = z.object({
  id: z.string().describe('rt_…'),
  workflow: z.string().describe('Slug of the workflow.'),
  workflowId: z.string(),
  environment: z.string(),
  filter: z.record(z.string(), z.unknown()).nullable().describe('The condition; null takes every event.'),
  payload: z.json().describe('Schedulers only: what the workflow gets as input.'),
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
  payload: row.payload,
  deployed: row.deployed,
})

/**
 * Replaces a trigger's routes.
 * @throws AppError `not_found` naming the route whose workflow or environment there is not; `forbidden` for a
 *   test key that routes into production
 */
export async function setRoutes(
  tx: Tx,
  actor: Actor,
  triggerId: string,
  routes: readonly RouteInput[],
): Promise<void> {
  const rows = []
  for (const [i, route] of routes.entries()) {
    const workflow = await at(`routes.${i}.workflow`, requireWorkflowHeld(tx, route.workflow))
    await at(
      `routes.${i}.environment`,
      requireEnvironmentFor(tx, actor, route.environment, 'route triggers to'),
    )
    rows.push({
      id: newId('route'),
      workflowId: workflow.id,
      environment: route.environment,
      filter: route.filter ?? null,
      payload: (route.payload as Json | undefined) ?? null,
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
