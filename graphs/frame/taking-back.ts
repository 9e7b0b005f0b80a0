import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { RunContext } from './define-agent.ts'

/** What an output tells of a rejection. */
export const takenBackFields = {
  takenBack: z.array(z.string()).describe('What was taken back, as a person rejected it.'),
  notTakenBack: z
    .array(z.object({ what: z.string(), why: z.string() }))
    .describe('What this run made that is still there although it was rejected, and why.'),
}
const TakenBack = z.object(takenBackFields)
export type TakenBack = z.output<typeof TakenBack>

export const nothingTakenBack = (): TakenBack => ({ takenBack: [], notTakenBack: [] })

/**
 * Takes one thing back by a call of the run, with the permissions of whoever started it, and keeps in `told` what came of
 * it. What is gone already counts as taken back.
 * @returns whether it is gone
 */
export async function takeBackBy(
  run: RunContext,
  told: TakenBack,
  { what, tool, input }: { what: string; tool: string; input: JsonObject },
): Promise<boolean> {
  try {
    await run.call(tool, input)
  } catch (cause) {
    // A run that was stopped goes on later, and refuses nothing.
    if (run.signal.aborted || !(cause instanceof AppError)) throw cause
    if (cause.code !== 'not_found') {
      const why = [cause.message, cause.hint].filter((part) => part !== undefined).join(' ')
      told.notTakenBack.push({ what, why })
      return false
    }
  }
  told.takenBack.push(what)
  return true
}
