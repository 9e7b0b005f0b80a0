import { z } from 'zod'
import type { RunModel } from '../models/models.ts'
import { promptData } from '../prompt-data.ts'

export interface Operation {
  operation: string
  action: string
  method: string
  path: string
  summary: string
}

const Choice = z.object({
  operations: z.array(z.string()).describe('Names from the list, exactly as they stand there.'),
  reason: z.string().describe('Why these, in a sentence or two.'),
})

const SYSTEM = `You choose which operations of an API a connector needs for what a person wants to do with it.
Take what the goal needs, and the reads by which its results can be found and checked; leave out the rest. Prefer few.`

/** The operations a goal needs, of those there are. @throws AppError of the model */
export async function chooseOperations(
  model: RunModel,
  goal: string,
  operations: readonly Operation[],
): Promise<{ chosen: string[]; reason: string }> {
  const lines = operations
    .map((one) => `${one.operation}: ${one.method} ${one.path} ${one.summary}`)
    .join('\n')
  const { operations: named, reason } = await model.structured({
    tier: 'plan',
    name: 'operations',
    purpose: 'choose operations',
    system: SYSTEM,
    prompt: `The goal, in the person's words: ${goal}\n\nThe operations, as name: method path summary:\n${promptData('API description', lines)}`,
    schema: Choice,
  })
  const known = new Set(operations.map(({ operation }) => operation))
  return { chosen: [...new Set(named)].filter((name) => known.has(name)), reason }
}
