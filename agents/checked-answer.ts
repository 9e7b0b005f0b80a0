import type { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { ModelTier, RunModel } from './models/models.ts'

/** Answers of a model to one task, the first included. */
const MAX_ANSWERS = 4
const MAX_COMPLAINTS_SHOWN = 20

/**
 * An answer that fits its schema and is right as far as code can tell: what `check` finds wrong goes back to the model,
 * three times at most.
 * @param check what is wrong, in sentences that say how to put it right; none: accepted
 * @throws AppError `upstream_error` with what was wrong with the last answer
 */
export async function checkedAnswer<S extends z.ZodType>(
  model: RunModel,
  call: { tier: ModelTier; name: string; system: string; prompt: string; schema: S },
  check: (answer: z.output<S>) => Promise<string[]> | string[],
): Promise<z.output<S>> {
  let complaints: string[] = []
  let prompt = call.prompt
  for (let n = 1; n <= MAX_ANSWERS; n += 1) {
    const answer = await model.structured({ ...call, prompt })
    complaints = await check(answer)
    if (complaints.length === 0) return answer
    const shown = complaints.slice(0, MAX_COMPLAINTS_SHOWN).map((complaint) => `- ${complaint}`)
    prompt = `${call.prompt}\n\nYour last answer was:\n${JSON.stringify(answer)}\n\nIt is not accepted:\n${shown.join('\n')}\nAnswer again, in full, with these put right.`
  }
  throw new AppError(
    'upstream_error',
    `The model gave no ${call.name.replaceAll('_', ' ')} that holds, in ${MAX_ANSWERS} answers: ${complaints.slice(0, 3).join(' ')}`,
    {
      where: call.name,
      retryable: false,
      hint: 'Say more in the request, or configure a stronger model (PATCHBAY_MODEL_PLAN, _BUILD). rewind_agent_run tries again from a checkpoint.',
      data: { name: call.name, complaints },
    },
  )
}
