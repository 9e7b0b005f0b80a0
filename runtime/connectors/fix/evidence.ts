import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts'
import { messageIn } from '../status-error.ts'

/** A call of the action that failed, or whose answer was not as described. */
export interface Evidence {
  /** Id of the trace it was read from; absent where it was told by the caller. */
  trace?: string
  /** Absent when nothing was sent or nothing came back. */
  status?: number
  /** Address that was called; absent when nothing was sent. */
  url?: string
  /** What the app said, or why nothing was sent. */
  message: string
  /** Response headers, names in lower case. */
  headers: Record<string, string>
  /** How the answer differs from the output schema. */
  warnings: string[]
  /** The answer, as far as it was kept. */
  body: Json
}

/** Parts of an action that fail, and are mended, together. */
export type Aspect = 'address' | 'auth' | 'inputs' | 'output' | 'pagination'

/** Everything of a trace's row that tells of a failure; undefined when the call was in order. */
export function evidenceOf(trace: {
  id: string
  http_status: number | null
  request: JsonObject
  response: Json
  error: Json
}): Evidence | undefined {
  const response = isJsonObject(trace.response) ? trace.response : {}
  const error = isJsonObject(trace.error) ? trace.error : undefined
  const warnings = Array.isArray(response.warnings) ? response.warnings.map(String) : []
  if (error === undefined && warnings.length === 0) return undefined
  const body = parsed(response.body)
  return {
    trace: trace.id,
    ...(trace.http_status === null ? {} : { status: trace.http_status }),
    ...(typeof trace.request.url === 'string' ? { url: trace.request.url } : {}),
    message: messageOf(body, error),
    headers: isJsonObject(response.headers) ? textsOf(response.headers) : {},
    warnings,
    body,
  }
}

/** The whole of what the app wrote, where it is short: one field of it may name the parameter at fault. */
const MAX_MESSAGE_CHARS = 2_000

function messageOf(body: Json, error: JsonObject | undefined): string {
  const said = typeof error?.message === 'string' ? error.message : ''
  if (body === null || (error === undefined && body !== null)) return said
  const whole = typeof body === 'string' ? body : JSON.stringify(body)
  const sentence = whole.length <= MAX_MESSAGE_CHARS ? whole : (messageIn(body) ?? '')
  return `${said} ${sentence}`.trim().slice(0, 2 * MAX_MESSAGE_CHARS)
}

function parsed(body: Json | undefined): Json {
  if (typeof body !== 'string') return body ?? null
  try {
    return JSON.parse(body) as Json
  } catch {
    return body // no JSON, or cut: the text itself is the evidence
  }
}

const textsOf = (headers: JsonObject): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]))

const BY_STATUS: Record<number, Aspect[]> = {
  301: ['address'],
  302: ['address'],
  307: ['address'],
  308: ['address'],
  404: ['address'],
  405: ['address'],
  410: ['address'],
  501: ['address'],
  401: ['auth'],
  403: ['auth'],
  407: ['auth'],
  400: ['inputs'],
  406: ['inputs'],
  411: ['inputs'],
  415: ['inputs'],
  422: ['inputs'],
}

/** Which parts of the action a failure is about; all that an answer in order leaves are its schema and its pages. */
export function aspectsOf({ status, warnings }: Evidence): Aspect[] {
  if (status === undefined) return ['inputs', 'address']
  if (status >= 200 && status < 300) return warnings.length > 0 ? ['output'] : ['pagination', 'output']
  return BY_STATUS[status] ?? ['inputs', 'address', 'auth']
}
