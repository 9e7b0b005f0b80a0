import { z } from 'zod'
import type { Json } from '../../core/json.ts'
import { setConfig as storeConfig } from '../../db/configs.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { refuseCustomerKey } from '../workflows/workflow.ts'
import { Config, ConfigEnvironment, ConfigKey, toConfig } from './config.ts'

const MAX_VALUE_BYTES = 256 * 1024

export const setConfig = defineTool({
  name: 'set_config',
  title: 'Set a config',
  description:
    'Keeps a setting for the workflows of one environment, replacing the one of the same key: `ctx.config.get(key)` gives it. It is not encrypted: passwords and tokens belong in set_secret.',
  input: z.object({
    environment: ConfigEnvironment,
    key: ConfigKey,
    value: z
      .unknown()
      .refine((value) => value !== undefined, { error: 'is required; null is a value too', abort: true })
      .refine(
        (value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_VALUE_BYTES,
        'may have 256 KB at most',
      )
      .describe('Any JSON, 256 KB at most.'),
  }),
  output: z.object({
    config: Config,
    created: z.boolean().describe('False: an older value was replaced.'),
  }),
  permission: 'workflows.update',
  effect: 'write',
  idempotent: true,
  http: 'PUT /configs/:environment/:key',
  resource: (input) => `${input.environment}/${input.key}`,
  async run(context, { environment, key, value }) {
    refuseCustomerKey(context.actor)
    const row = await context.transaction(async (tx) => {
      await requireEnvironmentFor(tx, context.actor, environment, 'change configs of')
      return storeConfig(tx, context.actor.organizationId, { environment, key, value: value as Json })
    })
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return { config: toConfig(row), created: row.created }
  },
})
