import { z } from 'zod'
import type { JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { onlyWhen } from '../frame/only-when.ts'
import type { Update } from './state.ts'

/** What is to be different, where that is the decision. */
export const feedback = (...decisions: string[]) =>
  onlyWhen(z.string().max(10_000).default('').describe('What is to be different.'), { decision: decisions })

export const Decision = z.object({
  decision: z
    .enum(['approve', 'change', 'stop'])
    .describe('approve: go on. change: do it again as feedback says. stop: end here; what was made stays.'),
  feedback: feedback('change'),
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
  const { decision, feedback: wanted } = await run.handback({
    ...asked,
    answer: Decision,
    ...(onlyByPerson ? {} : { default: { decision: 'approve' as const } }),
  })
  return decided(asked.point, decision, wanted)
}

export function decided(point: string, decision: 'approve' | 'change' | 'stop', wanted: string): Update {
  if (decision === 'stop') return { stopped: point }
  return { feedback: decision === 'change' ? wanted || 'Do it again, differently.' : '' }
}
