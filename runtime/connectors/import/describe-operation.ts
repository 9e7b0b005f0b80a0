import type { JsonSchema } from '../../../core/json.ts'
import { isSchemaObject } from '../json-schema.ts'
import { outputName } from './responses.ts'
import { clip, sentence, sentences } from './text.ts'

export interface DescribedOperation {
  method: string
  path: string
  /** The summary as the document has it; '' for none. */
  summary: string
  /** A title made from the operationId; '' for none. */
  madeTitle: string
  description: string
  tags: string[]
  outputSchema: JsonSchema | undefined
  responseDescription: string
}

const MAX_SENTENCES = 3
const MAX_CHARS = 600
const MAX_RETURNS_CHARS = 160

/**
 * What the operation does and what it returns, in one to three sentences, for an agent that must choose among
 * hundreds: the summary, the first of the description, the result, and always a word for what it is about.
 */
export function describeOperation(operation: DescribedOperation): string {
  const all = sentences(operation.description)
  const isNote = (text: string) => /^\W*(note|notes|warning|important|caution|deprecated)\b/i.test(text)
  // What follows a note at the beginning goes on with the note.
  const about = isNote(all[0] ?? '') ? [] : all.filter((text) => !isNote(text))
  const lead = sentence(capital(spaced(operation.summary)))
  const parts = saysAll(about[0] ?? '', lead) ? about : [lead, ...about].filter((part) => part !== '')
  const says = /^(this \w+ )?returns?\b/i.test(parts[0] ?? '')
  const result = returns(operation.outputSchema, operation.responseDescription, says)
  const room = result === '' ? MAX_SENTENCES : MAX_SENTENCES - 1
  if (parts.length === 0) parts.push(fallback(operation), ...all.slice(0, 1))
  else if (wordsOf(parts.join(' ')).length < 2) parts.push(fromPath(operation))
  const text = named(clip(parts.slice(0, room).map(sentence).join(' '), MAX_CHARS - result.length), operation)
  return [sentence(capital(text)), result].filter((part) => part !== '').join(' ')
}

/** A title that is one identifier, as words: `RefundPayment` → `Refund payment`. */
export const spaced = (title: string): string =>
  /^[A-Za-z]+[a-z][A-Z]\w*$/.test(title) ? capital(identifierWords(title).join(' ')) : title

const fallback = (operation: DescribedOperation): string =>
  operation.madeTitle === ''
    ? fromPath(operation)
    : `${operation.madeTitle} (${operation.method} ${operation.path})`

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? []

/** Does the text say everything that the lead says? */
function saysAll(text: string, lead: string): boolean {
  const said = new Set(wordsOf(text).map(stem))
  return text !== '' && wordsOf(lead).every((word) => word.length < 3 || said.has(stem(word)))
}

const stem = (word: string): string => word.replace(/ies$/, 'y').replace(/(?<=..)(e?s|(?<=..)e)$/, '')

/** `Comments: List all.` where the text names nothing of what the path is about. */
function named(text: string, { path, tags }: DescribedOperation): string {
  const segments = staticSegments(path)
  const telling = segments.slice(-2).flatMap(identifierWords)
  const said = wordsOf(text).map(stem)
  if (telling.length === 0 || telling.some((word) => said.includes(stem(word)))) return text
  if (tags.some((tag) => wordsOf(tag).some((word) => said.includes(stem(word))))) return text
  const subject = identifierWords(segments.at(-1) ?? '').join(' ')
  return `${capital(subject)}: ${text}`
}

const staticSegments = (path: string): string[] =>
  path
    .split('?')[0]
    ?.split('/')
    .filter(
      (segment) => segment !== '' && !segment.includes('{') && !/^(v\d[\w.]*|api|rest)$/i.test(segment),
    ) ?? []

const identifierWords = (text: string): string[] =>
  wordsOf(text.replace(/([a-z0-9])([A-Z])/g, '$1 $2')).filter((word) => !/^\d+$/.test(word))

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const VERBS: Record<string, [one: string, many: string]> = {
  GET: ['Get one of', 'List'],
  HEAD: ['Check one of', 'Check'],
  POST: ['Act on one of', 'Create or run'],
  PUT: ['Replace one of', 'Replace'],
  PATCH: ['Change one of', 'Change'],
  DELETE: ['Delete one of', 'Delete'],
}

/** For operations the document says nothing about: `List comments of issues (GET /issues/{id}/comments).` */
function fromPath({ method, path }: DescribedOperation): string {
  const segments = staticSegments(path).map((segment) => identifierWords(segment).join(' '))
  const [one, many] = VERBS[method] ?? [`${method} one of`, method]
  const subject = segments.slice(-2).reverse().join(' of ') || 'the root'
  const verb = /\{[^{}]*\}\/?$/.test(path) ? one : many
  return `${verb} ${subject} (${method} ${path})`
}

const EMPTY_WORDS = new Set(
  'a the an was is with typical successful success ok okay default created accepted updated deleted response request operation result status completed successfully executed 200 201 202'.split(
    ' ',
  ),
)

/** @param isSaid does the description begin with what is returned? Then the name of a schema adds nothing. */
function returns(schema: JsonSchema | undefined, description: string, isSaid: boolean): string {
  const [first = ''] = sentences(description)
  if (first !== '' && !wordsOf(first).every((word) => EMPTY_WORDS.has(word))) {
    const text = clip(first, MAX_RETURNS_CHARS)
    return sentence(/^returns?\b/i.test(text) ? text : `Returns: ${text}`)
  }
  if (isSaid) return ''
  const name = outputName(schema)
  if (name !== '') return `Returns ${name}.`
  const properties = isSchemaObject(schema) && isSchemaObject(schema.properties) ? schema.properties : {}
  for (const property of Object.values(properties)) {
    const list = outputName(property as JsonSchema)
    if (list.startsWith('a list of')) return `Returns ${list}.`
  }
  const keys = Object.keys(properties).slice(0, 5)
  return keys.length === 0 ? '' : `Returns ${keys.join(', ')}.`
}
