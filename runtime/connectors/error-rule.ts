import { z } from 'zod'
import { responseCondition } from '../conditions/condition-input.ts'

/** An answer that means failure, whatever its status: many APIs report errors inside a 200. */
export const ErrorRule = z
  .object({
    when: responseCondition.describe(
      'Which answers. Fields are status, headers.<name> and body.<path>, e.g. {"field": "body.ok", "op": "eq", "value": false}.',
    ),
    code: z
      .enum([
        'upstream_error',
        'unauthenticated',
        'forbidden',
        'not_found',
        'invalid_input',
        'limit_exceeded',
      ])
      .optional()
      .describe('What it means. Default upstream_error.'),
    message: z.string().optional().describe('Dot path in the body to what the API says of it.'),
    retryable: z.boolean().optional().describe('May the same call succeed later? Default false.'),
  })
  .describe('An answer that means failure.')
export type ErrorRule = z.infer<typeof ErrorRule>
