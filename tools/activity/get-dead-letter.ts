import { z } from 'zod'
import { redactHeaders } from '../../core/secret.ts'
import { defineTool } from '../define-tool.ts'
import { DeadLetterRef, DeadLetterSummary, requireDeadLetter, toDeadLetterSummary } from './dead-letter.ts'

export const getDeadLetter = defineTool({
  name: 'get_dead_letter',
  title: 'Get a dead letter',
  description: 'An execution that failed for good, with the whole payload and what is known of the error.',
  input: z.object({ deadLetter: DeadLetterRef }),
  output: z.object({
    deadLetter: DeadLetterSummary.extend({
      payload: z.unknown().describe('The input a replay runs with.'),
      error: z
        .record(z.string(), z.unknown())
        .describe('Kind, name, stack, attempts, what to do about it (hint) and what else is known.'),
    }),
  }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /dead-letters/:deadLetter',
  async run(context, input) {
    const row = await context.read((tx) => requireDeadLetter(tx, input.deadLetter))
    const { headers, ...error } = row.error_context
    return {
      deadLetter: {
        ...toDeadLetterSummary(row),
        payload: row.event_payload,
        error: {
          ...error,
          ...(headers === undefined ? {} : { headers: redactHeaders(headers as Record<string, string>) }),
        },
      },
    }
  },
})
