import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { getConfig as findConfig } from '../../db/configs.ts'
import { defineTool } from '../define-tool.ts'
import { Config, ConfigEnvironment, ConfigKey, toConfig } from './config.ts'

export const getConfig = defineTool({
  name: 'get_config',
  title: 'Get a config',
  description: 'One setting of an environment, as workflows get it with `ctx.config.get(key)`.',
  input: z.object({ environment: ConfigEnvironment, key: ConfigKey }),
  output: z.object({ config: Config }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /configs/:environment/:key',
  async run(context, input) {
    const row = await context.read((tx) => findConfig(tx, input))
    if (row === undefined) {
      throw notFound('config', `${input.environment}/${input.key}`, 'list_configs shows the ones there are.')
    }
    return { config: toConfig(row) }
  },
})
