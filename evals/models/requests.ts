import { createHash } from 'node:crypto'
import type { ScriptTurn } from './script.ts'

/** A chat completions request, as far as scripts look at it. */
export interface ChatRequest {
  model?: string
  messages?: { role: string; content?: unknown }[]
  tools?: { function?: { name?: string } }[]
  tool_choice?: unknown
  response_format?: { type?: string; json_schema?: { name?: string } }
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  max_tokens?: number
  max_completion_tokens?: number
}

const textOf = (content: unknown): string =>
  typeof content === 'string' ? content : JSON.stringify(content ?? '')

/** Why a turn does not answer a request; undefined when it does. */
export function misfit(turn: ScriptTurn, request: ChatRequest): string | undefined {
  const { when } = turn
  if (when === undefined) return undefined
  const texts = (request.messages ?? []).map((message) => textOf(message.content))
  if (when.model !== undefined && when.model !== request.model) return `model is not '${when.model}'`
  const missing = when.contains?.find((text) => !texts.some((said) => said.includes(text)))
  if (missing !== undefined) return `no message contains '${missing}'`
  if (when.last !== undefined && !(texts.at(-1) ?? '').includes(when.last))
    return `the last message does not contain '${when.last}'`
  const offered = (request.tools ?? []).map((tool) => tool.function?.name)
  const absent = when.tools?.find((name) => !offered.includes(name))
  if (absent !== undefined) return `the tool '${absent}' is not offered`
  const format = request.response_format?.type ?? 'none'
  if (when.responseFormat !== undefined && when.responseFormat !== format)
    return `response_format is ${format}, not ${when.responseFormat}`
  if (when.request !== undefined && when.request !== hashOf(request)) return 'the request is another'
  return undefined
}

const ID = /\b[a-z]{2,4}_[0-9a-f]{28}\b/g
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g
const LOCAL = /\b(127\.0\.0\.1|localhost):\d+/g
/** Says how to answer, or keeps providers' books: not what is asked. */
const ASIDE = new Set(
  'stream stream_options user prompt_cache_key metadata store max_tokens max_completion_tokens'.split(' '),
)

/** Ids, times and ports change from run to run; each is named by its order, so that an answer can be given in the names of the run. */
export function namesIn(request: ChatRequest): Map<string, string> {
  const text = JSON.stringify(request.messages ?? [])
  const names = new Map<string, string>()
  const add = (found: Iterable<string>, kind: string) => {
    let n = 0
    for (const value of new Set(found)) {
      n += 1
      names.set(value, `{{${kind}${n}}}`)
    }
  }
  add(text.match(ID) ?? [], 'id')
  add(text.match(TIME) ?? [], 'time')
  add(text.match(LOCAL) ?? [], 'host')
  return names
}

export const withNames = (text: string, names: Map<string, string>): string =>
  [...names].reduce((done, [value, name]) => done.replaceAll(value, name), text)

export const withValues = (text: string, names: Map<string, string>): string =>
  [...names].reduce((done, [value, name]) => done.replaceAll(name, value), text)

/** The request as recordings keep and compare it: members sorted, what changes from run to run named. */
export function normalized(request: ChatRequest): unknown {
  const kept = Object.fromEntries(Object.entries(request).filter(([name]) => !ASIDE.has(name)))
  return JSON.parse(withNames(JSON.stringify(sorted(kept)), namesIn(request)))
}

export const hashOf = (request: ChatRequest): string =>
  createHash('sha256')
    .update(JSON.stringify(normalized(request)))
    .digest('hex')
    .slice(0, 32)

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}

const MAX_DIFFERENCES = 5
const SHOWN_CHARS = 160

/** Where two normalized requests part, a line each. */
export function differences(recorded: unknown, given: unknown, path = ''): string[] {
  if (JSON.stringify(recorded) === JSON.stringify(given)) return []
  const bothObjects = [recorded, given].every((side) => typeof side === 'object' && side !== null)
  if (!bothObjects || Array.isArray(recorded) !== Array.isArray(given)) {
    return [`${path || 'request'}: ${shown(recorded, given)}`]
  }
  const [left, right] = [recorded as Record<string, unknown>, given as Record<string, unknown>]
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .flatMap((name) => differences(left[name], right[name], path === '' ? name : `${path}.${name}`))
    .slice(0, MAX_DIFFERENCES)
}

function shown(recorded: unknown, given: unknown): string {
  const [left, right] = [recorded, given].map((side) => JSON.stringify(side) ?? 'absent') as [string, string]
  let same = 0
  while (same < left.length && left[same] === right[same]) same += 1
  const from = Math.max(0, same - 20)
  const cut = (text: string) => `${from > 0 ? '…' : ''}${text.slice(from, from + SHOWN_CHARS)}`
  return `recorded ${cut(left)} / asked ${cut(right)}`
}
