import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { type AppError, invalidInput, toAppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { sentenceOf } from '../../tools/agents/wait.ts'
import { streamEvents } from './event-stream.ts'
import type { Io } from './output.ts'
import { callOverHttp } from './remote.ts'

const RECONNECT_MS = 1_000
/** Reconnecting without a single event in between is given up after so many times. */
const MAX_SILENT_TRIES = 20

export interface ChatOptions {
  server: { url: string; key: string }
  agent?: string
  run?: string
  auto: boolean
  /** Input of the agent, as JSON. */
  input?: JsonObject
}

interface RunView {
  id: string
  status: string
  question: {
    id: string
    question: string
    details: JsonObject
    schema: JsonObject
    default: JsonObject | null
  } | null
  output: JsonObject | null
  error: { code: string; message: string; hint?: string } | null
  lastEvent: number
}

/**
 * A run in the terminal: starts it (or goes on with it), prints its steps and text, and asks its questions.
 * @returns 0 when it completed, 1 when it failed or was canceled
 */
export async function chat(io: Io, options: ChatOptions): Promise<number> {
  const { server } = options
  const call = async (tool: string, input: JsonObject) =>
    ((await callOverHttp(server, tool, input)) as { run: RunView }).run
  const lines = readLines(io)
  const say = (text: string) => io.stdout.write(`${text}\n`)
  try {
    let run =
      options.run === undefined
        ? await call('start_agent_run', {
            agent: options.agent ?? '',
            input: options.input ?? {},
            approval: options.auto ? 'auto' : 'manual',
          })
        : await call('get_agent_run', { run: options.run })
    say(`Run ${run.id}`)
    let seen = 0
    for (;;) {
      seen = await follow(io, server, run.id, seen)
      run = await call('get_agent_run', { run: run.id })
      if (run.status === 'waiting' && run.question !== null) {
        const answer = await ask(io, run.question, lines)
        await call('answer_agent_run', { run: run.id, question: run.question.id, answer }).catch(
          (cause: unknown) => explain(io, toAppError(cause)),
        )
        continue
      }
      if (run.status === 'completed') {
        say(`\nDone.\n${JSON.stringify(run.output, null, 2)}`)
        return 0
      }
      if (run.status === 'failed' || run.status === 'canceled') {
        say(
          `\nThe run ${run.status === 'failed' ? 'failed' : 'was canceled'}. ${run.error?.message ?? ''}`.trimEnd(),
        )
        if (run.error?.hint !== undefined) say(`Next: ${run.error.hint}`)
        return 1
      }
    }
  } finally {
    lines.close()
  }
}

/** Prints events until the run asks something or ends; reconnects when the connection breaks. */
async function follow(io: Io, server: ChatOptions['server'], run: string, after: number): Promise<number> {
  let seen = after
  let inText = false
  let silent = 0
  for (;;) {
    const leave = new AbortController()
    try {
      for await (const { id, type, data } of streamEvents(server, run, seen, leave.signal)) {
        if (type === 'end') return seen
        seen = id ?? seen
        silent = 0
        if (type === 'token') {
          io.stdout.write(String(data.text))
          inText = true
          continue
        }
        const sentence = type === 'handback' ? undefined : sentenceOf({ type, data })
        if (sentence !== undefined) {
          io.stdout.write(`${inText ? '\n' : ''}${sentence}\n`)
          inText = false
        }
        if (type === 'status' && data.status === 'waiting') return seen
      }
    } catch (cause) {
      const error = toAppError(cause)
      if (!isBroken(error) || silent >= MAX_SILENT_TRIES) throw error
    } finally {
      leave.abort()
    }
    silent += 1
    await pause(RECONNECT_MS)
  }
}

/** A connection that broke, rather than a refusal of the server. */
const isBroken = (error: AppError): boolean => error.code === 'unavailable' || error.code === 'internal'

type Lines = ReturnType<typeof readLines>

function readLines(io: Io) {
  const reader = createInterface({ input: Readable.from(io.stdin), crlfDelay: Number.POSITIVE_INFINITY })
  const iterator = reader[Symbol.asyncIterator]()
  return {
    next: async (): Promise<string> => {
      const { value, done } = await iterator.next()
      if (done === true)
        throw invalidInput('The run asks something and there is nobody to answer.', {
          hint: 'Go on with patchbay chat --run, or answer with answer_agent_run.',
        })
      return value
    },
    close: () => reader.close(),
  }
}

/** Asks field by field; an empty line takes the value in brackets. */
async function ask(io: Io, question: NonNullable<RunView['question']>, lines: Lines): Promise<JsonObject> {
  io.stdout.write(`\n${question.question}\n`)
  if (Object.keys(question.details).length > 0)
    io.stdout.write(`${JSON.stringify(question.details, null, 2)}\n`)
  const { properties } = question.schema
  const answer: JsonObject = {}
  for (const [name, given] of Object.entries(isJsonObject(properties) ? properties : {})) {
    const schema = isJsonObject(given) ? given : {}
    const known = question.default?.[name] ?? schema.default
    const choices = Array.isArray(schema.enum) ? ` (${schema.enum.join(' | ')})` : ''
    const what = typeof schema.description === 'string' ? `${name}: ${schema.description}` : name
    io.stdout.write(`  ${what}${choices}${known === undefined ? '' : ` [${shown(known)}]`} > `)
    const line = (await lines.next()).trim()
    if (io.stdout.isTTY !== true) io.stdout.write('\n')
    if (line !== '') answer[name] = typed(line, schema)
    else if (known !== undefined) answer[name] = known
  }
  return answer
}

const shown = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** What was typed, as the field's type has it. */
function typed(line: string, { type }: JsonObject): Json {
  if (type === 'boolean') return /^(y|yes|true|1)$/i.test(line)
  if (type === 'number' || type === 'integer') return Number(line)
  if (type === 'array') return line.split(',').map((part) => part.trim())
  return line
}

function explain(io: Io, error: AppError): void {
  if (error.code !== 'invalid_input' && error.code !== 'conflict') throw error
  io.stdout.write(`${error.message}\n`)
}
