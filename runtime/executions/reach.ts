import { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Reach } from '../../db/executions.ts'

/** What starts other workflows, is heard by them, or changes what they read. */
const OTHERS = /^(workflows\.|events\.|config\.(set|delete)$)/

/**
 * Keeps code to what its version may reach, where all its calls come through: however it spells them.
 * @throws AppError `forbidden` naming what it may not
 */
export function refuseBeyond(reach: Reach | null, name: string, args: readonly Json[]): void {
  if (reach === null) return
  const beyond = beyondOf(reach, name, args)
  if (beyond === undefined) return
  throw new AppError('forbidden', `This version of the workflow may not use ${beyond}.`, {
    where: 'reach',
    hint: 'Somebody has to look at the code and allow it: update_workflow with another reach (null: everything), then publish_workflow.',
  })
}

function beyondOf(reach: Reach, name: string, args: readonly Json[]): string | undefined {
  if (name.startsWith('connectors.')) {
    const action = `${String(args[0])}.${String(args[1])}`
    return reach.actions.includes(action) ? undefined : `ctx.connectors.${action}`
  }
  if (name === 'fetch') return reach.fetch ? undefined : 'ctx.fetch'
  if (name.startsWith('secrets.')) return reach.secrets ? undefined : 'ctx.secrets'
  return OTHERS.test(name) && !reach.workflows ? `ctx.${name}` : undefined
}
