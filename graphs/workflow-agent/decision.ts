import { z } from 'zod'
import type { JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import type { Update } from './state.ts'

export const Decision = z.object({
  decision: z
    .enum(['approve', 'change', 'stop'])
    .describe('approve: go on. change: do it again as feedback says. stop: end here; what was made stays.'),
  feedback: z.string().max(10_000).default('').describe('For change: what is to be different.'),
})

/**
 * Hands back something to be approved; in Auto mode it is.
 * @param onlyByPerson it waits for a person in Auto mode too
 */
export async function decide(
  run: RunContext,
  asked: { point: string; question: string; details: JsonObject },
  onlyByPerson = false,
): Promise<Update> {
  const { decision, feedback } = await run.handback({
    ...asked,
    answer: Decision,
    ...(onlyByPerson ? {} : { default: { decision: 'approve' as const } }),
  })
  return decided(asked.point, decision, feedback)
}

export function decided(point: string, decision: 'approve' | 'change' | 'stop', feedback: string): Update {
  if (decision === 'stop') return { stopped: point }
  return { feedback: decision === 'change' ? feedback || 'Do it again, differently.' : '' }
}
