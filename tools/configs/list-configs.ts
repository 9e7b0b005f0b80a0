import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { listConfigs as queryConfigs } from '../../db/configs.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, EnvironmentSlug, Limit, NextCursor } from '../params.ts'
import { Config, toConfig } from './config.ts'

export const listConfigs = defineTool({
  name: 'list_configs',
  title: 'List configs',
  description: 'The settings workflows read with `ctx.config`, by environment and key.',
  input: z.object({
    environment: EnvironmentSlug.nullable().default(null).describe('Only those of this environment.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ configs: z.array(Config.omit({ value: true })), nextCursor: NextCursor }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /configs',
  async run(context, { environment, cursor, limit }) {
    const after = cursor === null ? null : placeOf(cursor)
    const found = await context.read((tx) => queryConfigs(tx, { environment, after, limit: limit + 1 }))
    const rows = found.slice(0, limit)
    const last = rows.at(-1)
    return {
      configs: rows.map(toConfig).map(({ value: _value, ...config }) => config),
      nextCursor: found.length > limit && last !== undefined ? `${last.environment}/${last.key}` : null,
    }
  },
})

/** Environments have no slash in their slugs; keys may. */
function placeOf(cursor: string) {
  const at = cursor.indexOf('/')
  if (at > 0) return { environment: cursor.slice(0, at), key: cursor.slice(at + 1) }
  throw invalidInput('This is no cursor of list_configs.', {
    where: 'cursor',
    hint: 'Give `nextCursor` of the page before, or leave it out.',
  })
}
