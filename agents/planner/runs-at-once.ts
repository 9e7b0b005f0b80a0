import type { z } from 'zod'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { Concurrency } from '../../tools/workflows/settings.ts'

/**
 * What keeps the workflow of a plan from doing the same thing twice when it comes twice at once: runs with the same
 * `duplicateKey` go one after the other, each until it has ended; without one all runs that nobody waits for do. The code
 * looks whether it is done already, which two runs at once would both find it is not.
 * @returns null: nothing bounds them (a workflow that is started by hand, whose plan names no field)
 */
export function runsAtOnce({
  duplicateKey,
  trigger,
}: Pick<IntegrationPlan, 'duplicateKey' | 'trigger'>): z.output<typeof Concurrency> | null {
  const key = duplicateKey == null ? null : `input.${duplicateKey}`
  if (key === null && trigger.type === 'manual') return null
  return { limit: 1, key, hold: 'until_ended' }
}
