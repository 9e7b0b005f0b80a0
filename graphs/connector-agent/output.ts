import { z } from 'zod'
import { takenBackFields } from '../frame/taking-back.ts'

const Left = z.object({ action: z.string(), why: z.string() })

export const ConnectorOutput = z.object({
  connector: z.string().nullable().describe('Slug; null: nothing was made, or it was taken back.'),
  operationsFound: z.number().int(),
  actions: z.number().int(),
  events: z.number().int(),
  tested: z
    .object({ passed: z.number().int(), failed: z.number().int(), skipped: z.number().int() })
    .nullable()
    .describe('Of the test before mending; null: not tested.'),
  notTested: z.string().nullable().describe('Why testing or mending did not happen.'),
  passed: z.array(z.string()).describe('Actions that pass in the end.'),
  fixed: z.array(z.string()).describe('Those of them that were mended.'),
  failing: z.array(
    z.object({
      action: z.string(),
      check: z.string().nullable(),
      problem: z.string(),
      trace: z.string().nullable(),
    }),
  ),
  leftOut: z.array(Left).describe('Actions that were not made, and why.'),
  droppedEvents: z
    .array(z.object({ event: z.string(), why: z.string() }))
    .describe('What a model read of events in the documentation and did not hold, and why.'),
  left: z
    .array(z.object({ what: z.string(), madeBy: z.string(), trace: z.string().nullable(), why: z.string() }))
    .describe('Things a test made that are still in the account.'),
  accepted: z.boolean().describe('Were the patches accepted?'),
  ...takenBackFields,
})
