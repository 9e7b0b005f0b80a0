import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type AppError, invalidInput, toAppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { sentenceOf } from '../../tools/agents/wait.ts'
import { type StreamedEvent, streamEvents } from './event-stream.ts'
import { COMMAND, type Io } from './output.ts'
import { harmless, readable, type Shown } from './readable.ts'
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
  /** For programs: a line of JSON for each event, question and result; an answer is a line of JSON. */
  json?: boolean
}

interface Question {
  id: string
  question: string
  details: JsonObject
  schema: JsonObject
  default: JsonObject | null
}

interface RunView {
  id: string
  status: string
  question: Question | null
  output: JsonObject | null
  error: { code: string; message: string; hint?: string } | null
  lastEvent: number
}

const SETTLED = ['waiting', 'completed', 'failed', 'canceled']

/**
 * A run in the terminal: starts it (or goes on with it), prints its steps and text, and asks its questions.
 * @returns 0 when it completed, 1 when it failed or was canceled
 */
export async function chat(io: Io, options: ChatOptions): Promise<number> {
  const { server } = options
  const call = async (tool: string, input: JsonObject) =>
    ((await callOverHttp(server, tool, input)) as { run: RunView }).run
  const lines = readLines(io)
  const screen = options.json === true ? programScreen(io, lines) : personScreen(io, lines)
  try {
    let run =
      options.run === undefined
        ? await call('start_agent_run', {
            agent: options.agent ?? '',
            input: options.input ?? {},
            approval: options.auto ? 'auto' : 'manual',
          })
        : await call('get_agent_run', { run: options.run })
    screen.begin(run)
    let seen = 0
    for (;;) {
      // All that happened is shown before anything is asked: it waited before, where it goes on after an answer.
      while (seen < run.lastEvent || !SETTLED.includes(run.status)) {
        seen = await follow(screen, server, run.id, seen)
        run = await call('get_agent_run', { run: run.id })
      }
      if (run.question === null) {
        screen.end(run)
        return run.status === 'completed' ? 0 : 1
      }
      const answer = await screen.ask(run.question)
      run = await call('answer_agent_run', { run: run.id, question: run.question.id, answer }).catch(
        (cause: unknown) => {
          const error = toAppError(cause)
          if (error.code !== 'invalid_input' && error.code !== 'conflict') throw error
          screen.refused(error)
          // Asked again; or, should somebody else have answered it, on it goes.
          return call('get_agent_run', { run: run.id })
        },
      )
    }
  } finally {
    lines.close()
  }
}

/** How a run is shown, and its questions answered. */
interface Screen {
  begin(run: RunView): void
  event(event: StreamedEvent): void
  /** @throws AppError `invalid_input` when there is nobody to answer */
  ask(question: Question): Promise<JsonObject>
  refused(error: AppError): void
  end(run: RunView): void
}

/** Shows events until the run asks something or ends; reconnects when the connection breaks. */
async function follow(
  screen: Screen,
  server: ChatOptions['server'],
  run: string,
  after: number,
): Promise<number> {
  let seen = after
  let silent = 0
  for (;;) {
    const leave = new AbortController()
    try {
      for await (const event of streamEvents(server, run, seen, leave.signal)) {
        if (event.type === 'end') return seen
        seen = event.id ?? seen
        silent = 0
        screen.event(event)
        if (event.type === 'status' && event.data.status === 'waiting') return seen
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

/** Lines of JSON. A question says what is asked; the next line of input is the answer to it. */
function programScreen(io: Io, lines: Lines): Screen {
  const tell = (type: string, data: unknown) => io.stdout.write(`${JSON.stringify({ type, data })}\n`)
  return {
    begin: ({ id, status }) => tell('run', { id, status }),
    event: ({ type, data }) => tell(type, data),
    ask: async (question) => {
      tell('question', question)
      const line = await lines.next()
      let answer: unknown
      try {
        answer = JSON.parse(line)
      } catch (cause) {
        throw invalidInput('The answer is not JSON.', { where: 'answer', cause })
      }
      if (!isJsonObject(answer)) throw invalidInput('The answer is not a JSON object.', { where: 'answer' })
      return answer
    },
    refused: ({ code, message, hint }) => tell('refused', { code, message, hint }),
    end: ({ id, status, output, error }) => tell('result', { id, status, output, error }),
  }
}

/** Sentences and tables. What was made is shown when it is made, and referred to afterwards. */
function personScreen(io: Io, lines: Lines): Screen {
  const { columns } = io.stdout
  const shown: Shown[] = []
  /** What a model is saying: words are printed as they come, an answer in JSON is for the agent. */
  let said: 'nothing' | 'words' | 'json' = 'nothing'
  const say = (text: string) => {
    io.stdout.write(`${said === 'words' ? '\n' : ''}${text}\n`)
    said = 'nothing'
  }
  const sayJson = (value: Json) => {
    const text = readable(value, { shown, ...(columns === undefined ? {} : { width: columns - 2 }) })
    if (text !== '') say(text.replaceAll(/^(?=.)/gm, '  '))
  }
  return {
    begin: ({ id }) => say(`Run ${id}`),
    event: ({ type, data }) => {
      if (type === 'token') {
        // The model's connection broke: its answer comes again from its beginning.
        if (data.restart === true && said === 'words') say('…')
        const text = String(data.text)
        if (said === 'nothing' && text.trim() !== '') said = /^\s*[{[`]/.test(text) ? 'json' : 'words'
        if (said === 'words') io.stdout.write(harmless(text))
        return
      }
      if (said === 'json') said = 'nothing'
      const sentence = type === 'handback' ? undefined : sentenceOf({ type, data })
      if (sentence !== undefined) say(harmless(sentence))
      if (type !== 'artifact' || data.content === undefined) return
      sayJson(data.content)
      shown.push({ title: String(data.title), content: data.content })
    },
    ask: (question) => {
      say(`\n${harmless(question.question)}`)
      sayJson(question.details)
      return ask(io, question, lines)
    },
    // What is said next of programs' schemas is nothing to somebody who is asked again.
    refused: ({ message }) => say(harmless(message)),
    end: ({ status, output, error }) => {
      if (status === 'completed') {
        say('\nDone.')
        return sayJson(output ?? {})
      }
      say(`\nThe run ${status === 'failed' ? 'failed' : 'was canceled'}. ${error?.message ?? ''}`.trimEnd())
      if (error?.hint !== undefined) say(`Next: ${error.hint}`)
    },
  }
}

/** A connection that broke, rather than a refusal of the server. */
const isBroken = (error: AppError): boolean => error.code === 'unavailable' || error.code === 'internal'

type Lines = ReturnType<typeof readLines>

function readLines(io: Io) {
  const reader = createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  const iterator = reader[Symbol.asyncIterator]()
  return {
    next: async (): Promise<string> => {
      const { value, done } = await iterator.next()
      if (done === true)
        throw invalidInput('The run asks something and there is nobody to answer.', {
          hint: `Go on with \`${COMMAND} chat --run ID\`, or answer with answer_agent_run.`,
        })
      return value
    },
    close: () => reader.close(),
  }
}

/** Asks field by field; an empty line takes the value in brackets. */
async function ask(io: Io, question: Question, lines: Lines): Promise<JsonObject> {
  const { properties } = question.schema
  const answer: JsonObject = {}
  for (const [name, given] of Object.entries(isJsonObject(properties) ? properties : {})) {
    const schema = isJsonObject(given) ? given : {}
    if (!isAsked(schema, answer)) continue
    const known = question.default?.[name] ?? schema.default
    const choices = Array.isArray(schema.enum) ? ` (${schema.enum.join(' | ')})` : ''
    const what = harmless(typeof schema.description === 'string' ? `${name}: ${schema.description}` : name)
    io.stdout.write(`  ${what}${choices}${known === undefined ? '' : ` [${harmless(inWords(known))}]`} > `)
    const line = (await lines.next()).trim()
    if (io.stdout.isTTY !== true) io.stdout.write('\n')
    if (line !== '') answer[name] = typed(line, schema)
    else if (known !== undefined) answer[name] = known
  }
  return answer
}

/** Fields that count only with some answer to another one say so: `x-when`. */
const isAsked = ({ 'x-when': when }: JsonObject, answer: JsonObject): boolean =>
  !isJsonObject(when) ||
  Object.entries(when).every(
    ([name, values]) => Array.isArray(values) && values.includes(answer[name] ?? null),
  )

function inWords(value: Json): string {
  if (value === '' || (Array.isArray(value) && value.length === 0)) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What was typed, as the field's type has it. */
function typed(line: string, { type }: JsonObject): Json {
  if (type === 'boolean') return /^(y|yes|true|1)$/i.test(line)
  if (type === 'number' || type === 'integer') return Number(line)
  if (type === 'array') return line.split(',').map((part) => part.trim())
  return line
}
