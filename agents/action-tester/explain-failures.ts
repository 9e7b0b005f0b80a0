import { z } from 'zod'
import type { ActionVerdict } from '../../runtime/connectors/test/report.ts'
import type { RunModel } from '../models/models.ts'
import { DATA_RULE, promptData } from '../prompt-data.ts'

const Explanations = z.object({
  explanations: z.array(
    z.object({
      action: z.string().describe('Slug.'),
      cause: z.string().describe('What is wrong, in a sentence a developer acts on.'),
      nextStep: z.string().describe('What to do about it.'),
    }),
  ),
})
export type Explanation = z.output<typeof Explanations>['explanations'][number]

const MAX_EXPLAINED = 15
const MAX_EVIDENCE_CHARS = 3_000
const SYSTEM = `You explain to a developer why calls of an API failed, from what was sent and what came back.
Say what the evidence shows; where it leaves several causes, say so. The verdicts are settled: do not change them.
${DATA_RULE}`

/** Why actions failed, in words. */
export async function explainFailures(
  model: RunModel,
  failed: readonly ActionVerdict[],
): Promise<Explanation[]> {
  const shown = failed.slice(0, MAX_EXPLAINED)
  if (shown.length === 0) return []
  const data = shown.map(({ action, check, problems, input, madeUp, evidence }) =>
    promptData(`test of ${action}`, { check, problems, input, madeUp, evidence }, MAX_EVIDENCE_CHARS),
  )
  const { explanations } = await model.structured({
    tier: 'small',
    name: 'explanations',
    purpose: 'explain failures',
    system: SYSTEM,
    prompt: `Explain each of these failures: ${shown.map(({ action }) => action).join(', ')}.\n${data.join('\n')}`,
    schema: Explanations,
  })
  const known = new Set(shown.map(({ action }) => action))
  return explanations.filter(({ action }) => known.has(action))
}
