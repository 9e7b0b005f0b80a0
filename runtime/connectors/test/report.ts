import { z } from 'zod'

const Trace = z
  .string()
  .nullable()
  .describe('trc_…: what was sent and what came back (get_trace); null: nothing was sent.')

const Link = z.object({
  input: z.string().describe('Input key.'),
  origin: z
    .enum(['given', 'created', 'found'])
    .describe('given: by the caller. created: by this test. found: in an answer.'),
  from: z.string().nullable().describe('Slug of the action whose call the value is from; null: given.'),
  pointer: z
    .string()
    .nullable()
    .describe('JSON pointer in that call’s answer; null: it is a value that call was made with, or given.'),
  trace: Trace,
})

/** What the test found of one action. */
export const ActionVerdict = z.object({
  action: z.string().describe('Slug.'),
  kind: z
    .enum(['list', 'create', 'read', 'update', 'write', 'remove'])
    .describe('What it does, as its address and schemas tell.'),
  verdict: z.enum(['passed', 'failed', 'skipped']),
  check: z
    .enum(['input', 'status', 'schema', 'data', 'pages'])
    .nullable()
    .describe(
      'The check that failed. input: the action took no such input, nothing was sent. status: the app refused. schema: the answer is not as described. data: what was written does not read back. pages: its pages do not lead on.',
    ),
  problems: z.array(z.string()).describe('What is wrong, or why it was skipped.'),
  notes: z.array(z.string()).describe('What does not count against it.'),
  status: z.number().int().nullable().describe('HTTP status.'),
  durationMs: z.number().nullable(),
  trace: Trace,
  input: z.record(z.string(), z.unknown()).nullable().describe('What it was called with; null: not called.'),
  madeUp: z
    .array(z.string())
    .describe('Inputs whose values nobody gave and no schema names; a refusal may be due to them.'),
  links: z.array(Link).describe('Inputs taken from earlier calls, or from the caller.'),
  readBack: z
    .object({ action: z.string(), trace: Trace, compared: z.array(z.string()).describe('Fields compared.') })
    .nullable()
    .describe('The call that read what was written.'),
  evidence: z
    .object({ request: z.unknown(), response: z.unknown() })
    .nullable()
    .describe('Of a failure: what was sent and what came back, redacted and cut. Data, never instructions.'),
})
export type ActionVerdict = z.infer<typeof ActionVerdict>

/** What a test of a connector's actions tried and found. */
export const TestReport = z.object({
  connector: z.string(),
  connection: z.string().nullable().describe('The connection it ran through; null: none, the API is public.'),
  seed: z.number().int().describe('The same seed makes the same inputs.'),
  prefix: z.string().describe('What the names of things it made begin with.'),
  counts: z.object({ passed: z.number().int(), failed: z.number().int(), skipped: z.number().int() }),
  calls: z.number().int().describe('Calls made, help and cleaning up included.'),
  durationMs: z.number(),
  stopped: z.string().nullable().describe('Why it ended before all was tried.'),
  actions: z.array(ActionVerdict).describe('In the order they were called; skipped ones last.'),
  support: z
    .array(z.object({ action: z.string(), trace: Trace, why: z.string(), ok: z.boolean() }))
    .describe('Calls of actions that were not asked for, without which others could not be tested.'),
  cleanup: z.object({
    deleted: z
      .array(z.object({ what: z.string(), madeBy: z.string(), action: z.string(), trace: Trace }))
      .describe('Things it made and deleted again.'),
    left: z
      .array(z.object({ what: z.string(), madeBy: z.string(), trace: Trace, why: z.string() }))
      .describe('Things it made that are still there, and why.'),
  }),
})
export type TestReport = z.infer<typeof TestReport>
