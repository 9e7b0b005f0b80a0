import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { deleteConfig as removeConfig } from '../../db/configs.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { refuseCustomerKey } from '../workflows/workflow.ts'
import { ConfigEnvironment, ConfigKey } from './config.ts'

export const deleteConfig = defineTool({
  name: 'delete_config',
  title: 'Delete a config',
  description: 'Deletes a setting of an environment: `ctx.config.get(key)` gives null there from now on.',
  input: z.object({ environment: ConfigEnvironment, key: ConfigKey }),
  output: z.object({ deleted: z.literal(true), environment: z.string(), key: z.string() }),
  permission: 'workflows.update',
  effect: 'destructive',
  http: 'DELETE /configs/:environment/:key',
  resource: (input) => `${input.environment}/${input.key}`,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    const gone = await context.transaction(async (tx) => {
      await requireEnvironmentFor(tx, context.actor, input.environment, 'change configs of')
      return removeConfig(tx, input)
    })
    if (!gone) {
      throw notFound('config', `${input.environment}/${input.key}`, 'list_configs shows the ones there are.')
    }
    return { deleted: true as const, ...input }
  },
})
