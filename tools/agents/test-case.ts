import { z } from 'zod'
import { MockAnswer } from '../connectors/action-mock.ts'

/** A case a person can approve and code can judge: an input, and the end state it must lead to. */
export const TestCase = z.object({
  id: z.string().regex(/^TC-\d{2,3}$/, 'must be TC-01, TC-02 …'),
  group: z.enum(['happy-path', 'pagination', 'fields', 'edge-cases', 'error-handling']),
  scenario: z.string().min(1).max(500).describe('What happens and what must come out, in a sentence.'),
  input: z.record(z.string(), z.unknown()).describe('ctx.input of the run.'),
  mode: z
    .enum(['live', 'mock'])
    .optional()
    .describe('mock: no app is called, mocks answer. live, or left out: with real calls.'),
  headers: z.record(z.string(), z.string()).optional().describe('ctx.headers of the run.'),
  mocks: z
    .array(
      z.object({
        connector: z.string(),
        action: z.string(),
        scenario: z.string().min(1).max(100).describe('What the app is taken to do, in a few words.'),
        answers: z
          .array(MockAnswer)
          .min(1)
          .max(20)
          .describe('The first whose `when` the input holds is given.'),
      }),
    )
    .max(20)
    .optional()
    .describe('Of a mock: what the actions it calls answer.'),
  mockScenarios: z
    .record(z.string(), z.string())
    .optional()
    .describe('Of a mock: scenarios that are set already, by "connector.action".'),
  expect: z.object({
    status: z.enum(['completed', 'failed']).describe('How the run must end.'),
    output: z
      .array(
        z.object({
          path: z
            .string()
            .describe('Into what the workflow returns: created, or lines[0].sku; "" for all of it.'),
          op: z.enum(['equals', 'contains', 'at_least', 'exists', 'absent']),
          value: z
            .union([z.string(), z.number(), z.boolean(), z.null()])
            .describe('What it is compared with; null for exists and absent.'),
        }),
      )
      .max(20)
      .describe('What must hold of the value returned.'),
    calls: z
      .array(
        z.object({
          connector: z.string(),
          action: z.string(),
          times: z.int().min(0).max(50).describe('How often it must have been called; 0: never.'),
        }),
      )
      .max(20)
      .describe('Calls of apps that must have been made, or must not.'),
  }),
})
export type TestCase = z.output<typeof TestCase>

export const TestReport = z.object({
  passed: z.int(),
  failed: z.int(),
  results: z.array(
    z.object({
      id: z.string(),
      scenario: z.string(),
      status: z.enum(['pass', 'fail']),
      problems: z.array(z.string()).describe('Expected against actual, where they differ.'),
      executionId: z.string().nullable().describe('The run, for get_execution.'),
    }),
  ),
})
export type TestReport = z.output<typeof TestReport>
