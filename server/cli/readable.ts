import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'

/** Something that was printed before: where it comes again, its title stands for it. */
export interface Shown {
  title: string
  content: Json
}

interface Style {
  width: number
  shown: readonly Shown[]
}

const MAX_COLUMNS = 6
const MIN_REPEAT_CHARS = 80
/** Data of other systems: a person wants it as it was sent, so it stays JSON. */
const DATA = new Set(['input', 'output', 'body', 'headers', 'query', 'value', 'schema', 'example'])
const FIRST = ['document', 'connector', 'counts', 'status', 'verdict', 'check', 'problems', 'reason', 'patch']
/** What names an item of a list, the first of them that it has. */
const NAMES = ['action', 'id', 'workflow', 'slug', 'what', 'where', 'question', 'name', 'title']

/** JSON as text a person reads: names with values, lists and tables. Leaves nothing out but what is empty. */
export function readable(value: Json, style: { width?: number; shown?: readonly Shown[] } = {}): string {
  const { width = 100, shown = [] } = style
  return linesOf(value, { width, shown })
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Text of others without what a terminal would obey, such as escape sequences that rewrite what was printed. */
export const harmless = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '�')

function linesOf(value: Json, style: Style): string[] {
  if (Array.isArray(value)) return listOf(value, style)
  if (isJsonObject(value)) return inOrder(value).flatMap(([name, part]) => field(name, part, style, value))
  return textOf(value).split('\n')
}

/** What matters most, then what fits a line, then the rest: the database orders names by their length. */
function inOrder(value: JsonObject): [string, Json][] {
  const rank = ([name, part]: [string, Json]): number => {
    const first = FIRST.indexOf(name)
    return first !== -1 ? first : FIRST.length + (isFlat(part) ? 0 : 1)
  }
  return Object.entries(value).toSorted((one, other) => rank(one) - rank(other))
}

const textOf = (value: Json): string => (isEmpty(value) ? 'none' : harmless(String(value)))
const isEmpty = (value: Json): boolean =>
  value === null ||
  value === '' ||
  (Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0)
const isFlat = (value: Json): boolean =>
  isEmpty(value) || (typeof value === 'string' ? !value.includes('\n') : typeof value !== 'object')
const isTexts = (value: Json): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && isFlat(one))
/** notTested → not tested. Names with anything else in them are somebody's own. */
const labelOf = (name: string): string =>
  /^[a-z]+([A-Z][a-z]+)+$/.test(name)
    ? name.replace(/[A-Z]/g, (one) => ` ${one.toLowerCase()}`)
    : harmless(name)
const indented = (lines: readonly string[], by = '  '): string[] => lines.map((line) => `${by}${line}`)

function field(name: string, value: Json, style: Style, siblings: JsonObject): string[] {
  if (isEmpty(value)) return []
  // The document is the plan, written out.
  if (name === 'plan' && typeof siblings.document === 'string') return []
  const label = labelOf(name)
  const before = repeated(value, style.shown)
  if (before !== undefined) return [`${label}: as shown above (${harmless(before.title)})`]
  const inner = { ...style, width: style.width - 2 }
  if (isFlat(value)) return [`${label}: ${textOf(value)}`]
  if (DATA.has(name)) return data(label, value, inner)
  if (name === 'request' && isJsonObject(value)) return message(label, value, ['method', 'url'], inner)
  if (name === 'response' && isJsonObject(value)) return message(label, value, ['status'], inner)
  if (isPatch(value)) return [`${label}:`, ...indented(value.map(change))]
  if (isTexts(value)) {
    const inline = `${label}: ${value.map(harmless).join(', ')}`
    if (inline.length <= style.width) return [inline]
  }
  return [`${label}:`, ...indented(linesOf(value, inner))]
}

/** Short things are said again: nobody looks for them further up. */
const repeated = (value: Json, shown: readonly Shown[]): Shown | undefined =>
  JSON.stringify(value).length < MIN_REPEAT_CHARS
    ? undefined
    : shown.find(({ content }) => isDeepStrictEqual(content, value))

function data(label: string, value: Json, style: Style): string[] {
  const short = harmless(JSON.stringify(value))
  if (label.length + 2 + short.length <= style.width) return [`${label}: ${short}`]
  if (typeof value === 'string') return [`${label}:`, ...indented(harmless(value).split('\n'))]
  return [`${label}:`, ...indented(harmless(JSON.stringify(value, null, 2)).split('\n'))]
}

/** What was sent or came back: its first line as HTTP has it, then the rest. */
function message(label: string, value: JsonObject, first: readonly string[], style: Style): string[] {
  const head = first.flatMap((name) => (isFlat(value[name] ?? null) ? [name] : []))
  const rest = Object.entries(value).filter(([name]) => !head.includes(name))
  const line = head.map((name) => value[name] ?? '').map(textOf)
  return [
    `${label}: ${line.join(' ')}`.trimEnd(),
    ...indented(rest.flatMap(([name, part]) => field(name, part, style, value))),
  ]
}

interface Change {
  op: string
  path: string
  value?: Json
  from?: string
}
const isPatch = (value: Json): value is Json[] & Change[] =>
  Array.isArray(value) &&
  value.every((one) => isJsonObject(one) && typeof one.op === 'string' && typeof one.path === 'string') &&
  value.some((one) => isJsonObject(one) && String(one.path).startsWith('/'))

/** A step of a JSON Patch. */
function change({ op, path, value, from }: Change): string {
  const what = from === undefined ? '' : ` from ${from}`
  const to = value === undefined ? '' : ` ${op === 'replace' ? 'by' : '='} ${JSON.stringify(value)}`
  return harmless(`${op} ${path}${what}${to}`)
}

function listOf(list: readonly Json[], style: Style): string[] {
  if (list.every(isFlat)) return list.map((one) => `- ${textOf(one)}`)
  return table(list, style) ?? list.flatMap((item, index) => entry(item, index, style))
}

/** A table where every item is a few short values, and it fits. */
function table(list: readonly Json[], { width }: Style): string[] | undefined {
  if (list.length < 2 || !list.every(isJsonObject)) return undefined
  const all = [...new Set(list.flatMap((item) => Object.keys(item)))]
  const columns = all.filter((name) => list.some((item) => !isEmpty(item[name] ?? null)))
  if (columns.length > MAX_COLUMNS) return undefined
  if (
    !list.every((item) => columns.every((name) => isFlat(item[name] ?? null) || isTexts(item[name] ?? null)))
  )
    return undefined
  const cell = (value: Json | undefined): string => {
    if (value === undefined || isEmpty(value)) return '-'
    return Array.isArray(value) ? value.map(textOf).join(', ') : textOf(value)
  }
  const rows = [columns.map(labelOf), ...list.map((item) => columns.map((name) => cell(item[name])))]
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  if (widths.reduce((sum, one) => sum + one + 2, 0) > width) return undefined
  return rows.map((row) => row.map((one, at) => one.padEnd(widths[at] ?? 0)).join('  '))
}

function entry(item: Json, index: number, style: Style): string[] {
  if (!isJsonObject(item)) {
    const [first = '', ...more] = linesOf(item, style)
    return [`${index + 1}. ${first}`, ...indented(more, '   ')]
  }
  const name = NAMES.find((one) => item[one] !== undefined && isFlat(item[one]) && !isEmpty(item[one]))
  const { [name ?? '']: heading, ...rest } = item
  const lines = linesOf(rest, { ...style, width: style.width - 3 })
  const first = heading === undefined ? (lines.shift() ?? '') : textOf(heading)
  return [`${index + 1}. ${first}`, ...indented(lines, '   ')]
}
