import { z } from 'zod'
import { Misuse, readGivenJson } from '../../demo/program.ts'

/** What a request must be for a turn to answer it; all that is given must hold. */
const When = z.strictObject({
  model: z.string().optional(),
  /** Every text must occur in the messages, the system text included. */
  contains: z.array(z.string()).optional(),
  /** Must occur in the last message. */
  last: z.string().optional(),
  /** Tools that must be offered. */
  tools: z.array(z.string()).optional(),
  /** The response_format asked for; `none`: none. */
  responseFormat: z.enum(['none', 'json_object', 'json_schema']).optional(),
  /** Hash of the normalized request, in recordings. */
  request: z.string().optional(),
})

const Usage = z.strictObject({
  input: z.number().int().min(0),
  cachedInput: z.number().int().min(0).default(0),
  output: z.number().int().min(0),
})

const Turn = z.strictObject({
  when: When.optional(),
  /** How many requests it answers; 0: any number. */
  times: z.number().int().min(0).default(1),
  text: z.string().optional(),
  /** The text, as JSON. */
  json: z.unknown().optional(),
  /** Arguments as an object, or as text when they are to be malformed. */
  toolCalls: z
    .array(z.strictObject({ id: z.string().optional(), name: z.string(), arguments: z.unknown() }))
    .optional(),
  finishReason: z.string().optional(),
  usage: Usage.optional(),
  /** An error in place of an answer. */
  error: z
    .strictObject({
      status: z.number().int(),
      message: z.string().default('scripted error'),
      retryAfterSeconds: z.number().optional(),
    })
    .optional(),
  /** Cuts the connection: before anything is sent, or in the middle of the answer. */
  drop: z.enum(['before', 'midway']).optional(),
  delayMs: z.number().int().min(0).optional(),
  /** The request as recorded, for the difference when another comes. */
  recorded: z.unknown().optional(),
})
export type ScriptTurn = z.output<typeof Turn>

export const Script = z.strictObject({
  /** What the played server does not have, it refuses as real ones do. */
  lacks: z.array(z.enum(['json_schema', 'tools', 'tool_choice', 'stream_usage'])).default([]),
  /** When set, requests must carry this key. */
  key: z.string().optional(),
  turns: z.array(Turn),
})
export type Script = z.output<typeof Script>
export type ScriptInput = z.input<typeof Script>

/** @throws Misuse naming the file and what in it does not fit */
export function readScript(file: string): Script {
  const result = Script.safeParse(readGivenJson(file))
  if (!result.success) throw new Misuse(`${file} is no script: ${z.prettifyError(result.error)}`)
  return result.data
}
