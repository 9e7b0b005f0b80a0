import { type PlayedModel, startPlayedModel } from '../../models/played-model.ts'
import type { ChatRequest } from '../../models/requests.ts'

/**
 * A model that reads manuals as `environments/prose.ts` writes them, by rule, and writes down what the passages it is shown
 * say: what it leaves out was not shown to it. So it measures all of the Connector Agent but the reading: what is found in the
 * documentation, asked for, checked and made.
 */
export const startReader = (): Promise<PlayedModel> =>
  startPlayedModel({ turns: [{ times: 0, json: {} }] }, 0, (turn, request) => ({
    ...turn,
    json: answerTo(request),
  }))

interface Passage {
  id: string
  /** Headings above it, the innermost last. */
  heading: string
  content: string
}

const PASSAGE = /<data source="(\w+) \S+ ([^"]*)">\n([\s\S]*?)\n<\/data>/g
const WANTED = /^Write these operations, and no others: (.*)\.$/m

function answerTo({ response_format: format, messages = [] }: ChatRequest): unknown {
  // The app's events, and whatever else is asked besides: these manuals have none.
  if (format?.json_schema?.name !== 'connector_draft') return { events: [], explanations: [] }
  const text = messages.map(({ content }) => String(content)).join('\n')
  const passages = [...text.matchAll(PASSAGE)].map(
    ([, id = '', heading = '', content = '']): Passage => ({ id, heading, content }),
  )
  const wanted = WANTED.exec(text)?.[1]?.split('; ')
  const drafts = passages.flatMap((passage) => actionIn(passage, passages) ?? [])
  return {
    name: 'API',
    baseUrl: firstIn(passages, /All requests go to `([^`]+)`/)?.[1] ?? null,
    authMethods: [authIn(passages)],
    actions: drafts.filter(({ method, path }) => wanted?.includes(`${method.toLowerCase()} ${path}`) ?? true),
  }
}

function firstIn(passages: readonly Passage[], what: RegExp): RegExpExecArray | undefined {
  for (const { content } of passages) {
    const found = what.exec(content)
    if (found !== null) return found
  }
  return undefined
}

function authIn(passages: readonly Passage[]): object {
  const [, place, parameterName] =
    firstIn(passages, /Send your API key in the (\w+) parameter `([^`]+)`/) ?? []
  if (place !== undefined) return { slug: 'key', name: 'API key', type: 'api_key', in: place, parameterName }
  const isBasic = firstIn(passages, /HTTP basic authentication/) !== undefined
  return isBasic
    ? { slug: 'basic', name: 'User and password', type: 'basic_auth' }
    : { slug: 'token', name: 'Token', type: 'bearer_token' }
}

interface Row {
  name: string
  place: string
  type: string
  required: boolean
  meaning: string
}

const ROW = /^\| ([^|]+) \| (path|query|header|body) \| ([^|]+) \| (yes|no) \|([^|]*)\|/gm

/** Undefined: the passage tells of no operation. */
function actionIn({ id, heading, content }: Passage, passages: readonly Passage[]) {
  const [, method, path] = /^`([A-Z]+) (\/[^`]*)`/.exec(content) ?? []
  if (method === undefined || path === undefined) return undefined
  const rows = [...content.matchAll(ROW)].map(
    ([, name = '', place = '', type = '', required, meaning = '']): Row => ({
      ...{ name: name.replaceAll(/[`\\]/g, '').trim(), place, type: type.trim(), meaning },
      required: required === 'yes',
    }),
  )
  const shown = passages.find((one) => one.heading === `${heading} › Example of an answer`)
  const answer = shown === undefined ? undefined : jsonIn(shown.content)
  return {
    slug: `${method} ${path}`
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replaceAll(/_$/g, '')
      .slice(0, 64),
    name: heading.split(' › ').at(-1) ?? path,
    description: '',
    method,
    path,
    parameters: rows
      .filter(({ place }) => place !== 'body')
      .map(({ name, place, required, meaning }) => ({
        ...{ name, in: place, required },
        explode: meaning.includes('repeating the parameter')
          ? true
          : meaning.includes('joined by commas')
            ? false
            : null,
      })),
    bodyType: /The body is sent as `([^`]+)`/.exec(content)?.[1] ?? null,
    inputSchema: objectOf(rows),
    outputSchema: answer === undefined ? null : schemaLike(answer),
    pagination: paginationOf(rows, answer),
    citations: [id, ...(shown === undefined ? [] : [shown.id])],
  }
}

/** A long example comes in pieces, which say nothing by themselves. */
function jsonIn(content: string): unknown {
  try {
    return JSON.parse(content.replaceAll('```', ''))
  } catch {
    return undefined
  }
}

/** An object of rows, those of its fields (`lines[].amount`) within them. */
function objectOf(rows: readonly Row[]): object {
  const own = rows.filter(({ name }) => !/[.[]/.test(name))
  return {
    type: 'object',
    properties: Object.fromEntries(
      own.map(({ name, type }) => [
        name,
        schemaOf(type, [...below(rows, `${name}.`), ...below(rows, `${name}[].`)]),
      ]),
    ),
    required: own.filter(({ required }) => required).map(({ name }) => name),
  }
}

const below = (rows: readonly Row[], prefix: string): Row[] =>
  rows
    .filter(({ name }) => name.startsWith(prefix))
    .map((row) => ({ ...row, name: row.name.slice(prefix.length) }))

function schemaOf(text: string, fields: readonly Row[]): object {
  const item = /^array of (.*)$/s.exec(text)?.[1]
  if (item !== undefined) return { type: 'array', items: schemaOf(item, fields) }
  if (fields.length > 0) return objectOf(fields)
  const [, type = 'any', format] = /^([a-z ]+?)(?: \(([^)]+)\))?(?:,|$)/.exec(text) ?? []
  const minimum = /, at least (-?[\d.]+)/.exec(text)?.[1]
  const maximum = /, at most (-?[\d.]+)/.exec(text)?.[1]
  const values = text.split(', one of ')[1]?.split(', ')
  return {
    ...(type === 'any' ? {} : { type: type.includes(' or ') ? type.split(' or ') : type }),
    ...(format === undefined ? {} : { format }),
    ...(minimum === undefined ? {} : { minimum: Number(minimum) }),
    ...(maximum === undefined ? {} : { maximum: Number(maximum) }),
    ...(values === undefined ? {} : { enum: /integer|number/.test(type) ? values.map(Number) : values }),
  }
}

/** A schema that an example fits. */
function schemaLike(example: unknown): object {
  if (Array.isArray(example))
    return { type: 'array', ...(example.length === 0 ? {} : { items: schemaLike(example[0]) }) }
  if (typeof example === 'object' && example !== null)
    return {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(example).map(([name, value]) => [name, schemaLike(value)]),
      ),
    }
  return example === null ? {} : { type: typeof example }
}

/** A list in an answer, and an input that names a page or where one begins. */
function paginationOf(rows: readonly Row[], answer: unknown): object | null {
  if (typeof answer !== 'object' || answer === null) return null
  const items = Array.isArray(answer)
    ? ''
    : Object.entries(answer).find(([, value]) => Array.isArray(value))?.[0]
  const named = (what: RegExp) => rows.find(({ name }) => what.test(name))?.name
  const [cursor, page, sizeParameter] = [named(/cursor|token/i), named(/^page$/i), named(/limit|size/i)]
  const next = Object.keys(answer).find((name) => /next/i.test(name))
  const size = sizeParameter === undefined ? {} : { sizeParameter }
  if (items === undefined) return null
  if (cursor !== undefined && next !== undefined)
    return { type: 'cursor', parameter: cursor, next, items, ...size }
  return page === undefined ? null : { type: 'page', parameter: page, items, ...size }
}
