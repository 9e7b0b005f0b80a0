import { judge, type PrismOperation, type SentRequest } from '../../../tests/wire/prism.ts'

interface Described {
  request?: {
    query?: { name: string }[]
    body?: { contents?: { mediaType: string; schema?: Record<string, unknown> }[] }
  }
}

export interface Refusal {
  status: number
  detail: string
  validation?: { location: string; message: string }[]
}

/**
 * What is wrong with a request, by the validator of Prism; and, as strict APIs do, a parameter or a field of the
 * body that is not known. Undefined: nothing.
 * @param credentialNames names in the query that carry credentials
 */
export function refusalOf(
  operation: PrismOperation,
  request: SentRequest,
  credentialNames: ReadonlySet<string>,
): Refusal | undefined {
  const { query = [], body } = (operation as PrismOperation & Described).request ?? {}
  const types = body?.contents?.map(({ mediaType }) => mediaType.split(';')[0] ?? '') ?? []
  const sentType = (request.headers['content-type'] ?? '').split(';')[0] ?? ''
  if (request.body !== undefined && types.length > 0 && !types.some((type) => fitsType(type, sentType))) {
    return { status: 415, detail: `Supported content types: ${types.join(', ')}` }
  }
  const known = query.map(({ name }) => name.replace(/\[\]$/, ''))
  const unknown = Object.keys(request.query).find(
    (name) =>
      !credentialNames.has(name) && !known.includes(name.replace(/\[.*$/, '')) && !known.includes(name),
  )
  if (unknown !== undefined) return { status: 400, detail: `Unknown query parameter: ${unknown}` }
  const problems = judged(operation, request)
  if (problems.length > 0) {
    return {
      status: 422,
      detail: 'Your request is not valid: see the validation property.',
      validation: problems.map(({ path = [], message }) => ({ location: path.join('.'), message })),
    }
  }
  const field = unknownField(body?.contents, request, sentType)
  return field === undefined ? undefined : { status: 400, detail: `Unknown field: ${field}` }
}

const fitsType = (type: string, sent: string) => type === sent || type === '*/*'

function judged(operation: PrismOperation, request: SentRequest) {
  try {
    return judge(operation, request)
  } catch (error) {
    // What the validator cannot read is wrong, e.g. a body that is no JSON.
    return [
      { message: `The request cannot be read: ${(error as Error).message}`, path: ['body'], severity: 0 },
    ]
  }
}

function unknownField(
  contents: { mediaType: string; schema?: Record<string, unknown> }[] | undefined,
  request: SentRequest,
  sentType: string,
): string | undefined {
  const schema = contents?.find(({ mediaType }) => mediaType.split(';')[0] === sentType)?.schema
  if (typeof request.body !== 'string' || !/json/.test(sentType) || schema === undefined) return undefined
  const isPlain = !['allOf', 'anyOf', 'oneOf', '$ref', 'additionalProperties'].some((key) =>
    Object.hasOwn(schema, key),
  )
  const value = JSON.parse(request.body) as unknown
  if (!isPlain || typeof schema.properties !== 'object' || typeof value !== 'object' || value === null)
    return undefined
  return Object.keys(value).find((name) => !Object.hasOwn(schema.properties as object, name))
}
