import type { Actor } from '../../core/actor.ts'
import { AppError, notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { type EnvironmentRow, getEnvironment } from '../../db/organizations.ts'

/**
 * @param doing what the actor is about to do there, for the message: "deploy to", "run workflows in"
 * @throws AppError `not_found`; `forbidden` for a test key in a production environment
 */
export async function requireEnvironmentFor(
  tx: Tx,
  actor: Actor,
  slug: string,
  doing: string,
): Promise<EnvironmentRow> {
  const environment = await getEnvironment(tx, slug)
  if (environment === undefined)
    throw notFound('environment', slug, 'list_environments shows the ones there are.')
  if (environment.production && actor.mode === 'test')
    throw new AppError(
      'forbidden',
      `A test key does not ${doing} '${slug}', which is a production environment.`,
      {
        where: 'environment',
        hint: 'Use a live key, or another environment.',
      },
    )
  return environment
}

/**
 * As {@link requireEnvironmentFor}, for a deployment: what `permissionFor` cannot know is that a custom
 * environment is a production one.
 * @throws AppError `not_found`, `forbidden`
 */
export async function requireDeployable(tx: Tx, actor: Actor, slug: string): Promise<void> {
  const environment = await requireEnvironmentFor(tx, actor, slug, 'deploy to')
  if (!environment.production || actor.permissions.has('workflows.deploy_prod')) return
  throw new AppError('forbidden', `Deploying to '${slug}' needs the permission workflows.deploy_prod.`, {
    where: 'environment',
    hint: 'Use a key with that permission. whoami lists what this key may do.',
    data: { permission: 'workflows.deploy_prod' },
  })
}

export const deployPermission = (environment: string) =>
  environment === 'production' ? 'workflows.deploy_prod' : 'workflows.deploy_test'
