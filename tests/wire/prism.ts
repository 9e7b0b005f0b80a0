import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { mended, withOverlaps } from './mend-operation.ts'
import { readForm } from './read-form.ts'

const require = createRequire(import.meta.url)
// Prism is CommonJS without an `exports` map; its validator is an independent implementation of OpenAPI's rules.
const prism = require('@stoplight/prism-http') as {
  getHttpOperationsFromSpec(spec: string | object): Promise<PrismOperation[]>
}
const { validateInput } = require('@stoplight/prism-http/dist/validator') as {
  validateInput(of: { resource: PrismOperation; element: object }): Either
}
const schemas = require('@stoplight/prism-http/dist/validator/validators/utils') as {
  validateAgainstSchema: ValidateAgainstSchema
}
interface Parameter {
  name: string
  style?: string
  required?: boolean
}
interface Content {
  mediaType: string
  schema?: object
  encodings?: { property: string; style?: string }[]
}
export interface PrismOperation {
  method: string
  path: string
  request?: {
    headers?: Parameter[]
    query?: Parameter[]
    body?: { required?: boolean; contents?: Content[] }
  }
  __bundled__?: object
}
type Either = { _tag: 'Right' } | { _tag: 'Left'; left: PrismProblem[] }
type Option<T> = { _tag: 'None' } | { _tag: 'Some'; value: T }
type ValidateAgainstSchema = (
  value: unknown,
  schema: object,
  coerce: boolean,
  context: 0,
  prefix: string,
  bundle?: object,
) => Option<PrismProblem[]>
export interface PrismProblem {
  message: string
  path?: string[]
  /** 0 is an error; warnings (a parameter is deprecated) are none. */
  severity: number
  /** Is it gone when several alternatives of a `oneOf` may fit? Then one fits, and the alternatives overlap. */
  overlaps?: true
}

/** A request as the validator takes it: without the server's part of the address, the body as it was sent. */
export interface SentRequest {
  method: string
  path: string
  query: Record<string, string | string[]>
  headers: Record<string, string>
  body: string | Uint8Array | undefined
}

refuseUnreadable()

export async function readOperations(document: string | object): Promise<PrismOperation[]> {
  return mended(await prism.getHttpOperationsFromSpec(document))
}

/** Prism's judgement of a request. */
export function judge(operation: PrismOperation, request: SentRequest): PrismProblem[] {
  const found = problemsWith(operation, request)
  if (!found.some(({ message }) => message.endsWith('must match exactly one schema in oneOf'))) return found
  const left = new Set(problemsWith(withOverlaps(operation), request).map(keyOf))
  return found.map((problem) => (left.has(keyOf(problem)) ? problem : { ...problem, overlaps: true }))
}

const keyOf = ({ path = [], message }: PrismProblem): string => `${path.join('.')} ${message}`

function problemsWith(operation: PrismOperation, request: SentRequest): PrismProblem[] {
  const { method, path, query, headers, body } = request
  const form = body === undefined ? undefined : readForm(headers['content-type'] ?? '', body)
  const element = {
    method: method.toLowerCase(),
    url: { path, query },
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
    body: body === undefined ? undefined : contentOf(body, headers['content-type'] ?? ''),
  }
  const verdict = validateInput({ resource: whatIsSent(operation, request, form !== undefined), element })
  const problems = verdict._tag === 'Right' ? [] : verdict.left
  return [...problems, ...(form === undefined ? [] : formProblems(operation, form, request))].filter(
    ({ severity }) => severity === 0,
  )
}

/** As Prism's own server hands bodies to its validator: JSON parsed, everything else as text. */
function contentOf(body: string | Uint8Array, contentType: string): unknown {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('latin1')
  return /[/+]json\b/.test(contentType) ? JSON.parse(text) : text
}

/**
 * The operation without what Prism stumbles over where nothing is wrong: optional parameters that are not sent (it
 * throws on absent lists in headers, and makes objects of absent ones in the style deepObject), what tells operations
 * of one path apart (`?beta=true`, `#copy`; it matches the path with it), and the schemas of forms, which are looked
 * at by `formProblems`.
 */
function whatIsSent(operation: PrismOperation, sent: SentRequest, isForm: boolean): PrismOperation {
  const { request = {} } = operation
  const names = [...Object.keys(sent.headers), ...Object.keys(sent.query)].map((name) => name.toLowerCase())
  const isSent = ({ name, required }: Parameter) =>
    required === true ||
    names.some((key) => key === name.toLowerCase() || key.startsWith(`${name.toLowerCase()}[`))
  const { headers, query, body } = request
  const contents = isForm ? body?.contents?.map(({ mediaType }) => ({ mediaType })) : body?.contents
  return {
    ...operation,
    path: operation.path.replace(/[#?].*$/, ''),
    request: {
      ...request,
      ...(headers === undefined ? {} : { headers: unless(headers, isSent) }),
      ...(query === undefined ? {} : { query: unless(query, isSent) }),
      ...(body === undefined || contents === undefined ? {} : { body: { ...body, contents } }),
    },
  }
}

/** The same list where nothing is left out: Prism knows its compiled form by it. */
const unless = (list: Parameter[], isSent: (parameter: Parameter) => boolean): Parameter[] =>
  list.every(isSent) ? list : list.filter(isSent)

/** A form against its schema, its texts taken for numbers, booleans, null and JSON where the schema wants them. */
function formProblems(
  operation: PrismOperation,
  form: Record<string, unknown>,
  { headers }: SentRequest,
): PrismProblem[] {
  const type = (headers['content-type'] ?? '').split(';')[0]
  const schema = operation.request?.body?.contents?.find(
    ({ mediaType }) => mediaType.split(';')[0] === type,
  )?.schema
  if (schema === undefined) return []
  const problems = () => {
    const found = schemas.validateAgainstSchema(form, schema, true, 0, 'body', operation.__bundled__)
    return found._tag === 'None' ? [] : found.value
  }
  const first = problems()
  const reread = first.map(({ path = [], message }) => readAsWanted(form, path.slice(1), message))
  return reread.includes(true) ? problems() : first
}

/** Forms hold texts only: `''` stands for null, a text of JSON for what it says, a value for a list of one. */
function readAsWanted(form: Record<string, unknown>, path: string[], complaint: string): boolean {
  const parent = path.slice(0, -1).reduce<unknown>((value, step) => Object(value)[step], form)
  const last = path.at(-1)
  if (last === undefined || typeof parent !== 'object' || parent === null) return false
  const holder = parent as Record<string, unknown>
  const value = holder[last]
  if (value === '') holder[last] = null
  else if (typeof value !== 'string') return false
  else if (complaint.endsWith('must be array')) holder[last] = [value]
  else if (complaint.endsWith('must be object') && value.startsWith('{')) holder[last] = JSON.parse(value)
  else return false
  return true
}

const CANARIES = [0, 'text', null, [], {}]

/** Prism says nothing of a value whose schema it cannot compile, as if it were right. */
function refuseUnreadable(): void {
  const original = schemas.validateAgainstSchema
  const options = { allErrors: true, strict: false, logger: false, validateFormats: false } as const
  const [draft7, draft2020] = [new Ajv(options), new Ajv2020(options)]
  const known = new WeakMap<object, string | undefined>()
  const whyNot = (schema: object, bundle: object | undefined): string | undefined => {
    try {
      const ajv = JSON.stringify((schema as { $schema?: string }).$schema)?.includes('2020-12')
        ? draft2020
        : draft7
      ajv.compile({ ...schema, __bundled__: bundle })
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
  schemas.validateAgainstSchema = (value, schema, coerce, context, prefix, bundle) => {
    const found = original(value, schema, coerce, context, prefix, bundle)
    if (found._tag === 'Some') return found
    // What refuses anything at all was compiled; the others are compiled once more to learn.
    const refuses = (canary: unknown) =>
      original(canary, schema, false, context, prefix, bundle)._tag === 'Some'
    if (!known.has(schema)) known.set(schema, CANARIES.some(refuses) ? undefined : whyNot(schema, bundle))
    const why = known.get(schema)
    if (why === undefined) return found
    return {
      _tag: 'Some',
      value: [{ path: [prefix], severity: 0, message: `Prism cannot read the schema: ${why}` }],
    }
  }
}
