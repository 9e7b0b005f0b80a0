import { CORE_SCHEMA, load, YAMLException } from 'js-yaml'
import { type ParseError, parse as parseJsonWithOffsets, printParseErrorCode } from 'jsonc-parser'
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type YAMLError,
} from 'yaml'
import { type AppError, invalidInput } from '../../../core/errors.ts'
import type { ImportLimits } from './limits.ts'
import type { Node } from './nodes.ts'

/**
 * Parses one file, JSON or YAML, into plain data. `__proto__` keys are taken out, so no later copy can
 * touch a prototype.
 *
 * @throws AppError `invalid_input` naming file, line and column of a syntax error; saying that JSON ends
 * early when it does; and for nesting or aliases beyond the limits.
 */
export function parseText(
  text: string,
  file: string,
  limits: ImportLimits,
  warn: (where: string, message: string) => void,
): unknown {
  const trimmed = text.replace(/^\uFEFF/, '')
  const first = trimmed.trimStart().charAt(0)
  if (first === '')
    throw invalidInput(`${file} is empty.`, { where: file, hint: 'Give the text of a specification.' })
  if (first === '<') {
    throw invalidInput(`${file} is an HTML or XML page, not a specification.`, {
      where: file,
      hint: 'Give the raw OpenAPI document in JSON or YAML; on a documentation page look for "Download" or openapi.json.',
    })
  }
  const value =
    first === '{' || first === '['
      ? parseJson(trimmed, file)
      : (parsePlainYaml(trimmed, limits) ?? parseYaml(trimmed, file, limits, warn))
  checkShape(value, file, limits, warn)
  return value
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const detail = error instanceof Error ? error.message : ''
    const problem = locateProblem(text)
    const end = text.trimEnd().length
    const offset = problem?.offset ?? end
    const endsEarly =
      problem === undefined
        ? /unexpected end|unterminated/i.test(detail)
        : problem.offset + problem.length >= end
    const at = lineAndColumn(text, endsEarly ? end : offset)
    const where = `${file}:${at.line}:${at.column}`
    if (endsEarly) {
      throw invalidInput(
        `${file} is not complete: the JSON ends early, at line ${at.line}, column ${at.column}.`,
        {
          where,
          hint: 'Give the whole document; it was cut off when it was copied or downloaded.',
          cause: error,
        },
      )
    }
    const what =
      problem === undefined
        ? detail
        : printParseErrorCode(problem.error)
            .replace(/([a-z])([A-Z])/g, '$1 $2')
            .toLowerCase()
    throw invalidInput(`${file} is not valid JSON at line ${at.line}, column ${at.column}: ${what}.`, {
      where,
      hint: 'Correct the syntax there and import again.',
      cause: error,
    })
  }
}

/** V8 says where only for some errors; this parser always does, but it recurses. */
function locateProblem(text: string): ParseError | undefined {
  const problems: ParseError[] = []
  try {
    parseJsonWithOffsets(text, problems, { disallowComments: true })
  } catch (error) {
    // Nested beyond the stack: the caller goes by what V8 said.
    if (!(error instanceof RangeError)) throw error
  }
  return problems[0]
}

function lineAndColumn(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position)
  return { line: before.split('\n').length, column: position - before.lastIndexOf('\n') }
}

/**
 * YAML without aliases, equal keys or mistakes, as nearly all descriptions are. js-yaml reads it five times as
 * fast as the other parser, which knows what to say of the rest.
 * @returns undefined for YAML that is not so
 */
function parsePlainYaml(text: string, limits: ImportLimits): unknown {
  try {
    return load(text, { schema: CORE_SCHEMA, maxAliases: 0, maxDepth: limits.maxDepth })
  } catch (error) {
    if (error instanceof YAMLException || error instanceof RangeError) return undefined
    throw error
  }
}

function parseYaml(
  text: string,
  file: string,
  limits: ImportLimits,
  warn: (where: string, message: string) => void,
): unknown {
  const lineCounter = new LineCounter()
  let document: Document.Parsed
  try {
    // uniqueKeys would compare every key with every other: quadratic on hostile input. See warnDuplicates.
    document = parseDocument(text, {
      uniqueKeys: false,
      merge: true,
      lineCounter,
      prettyErrors: true,
      logLevel: 'error',
    })
  } catch (error) {
    throw tooDeep(file, limits, error)
  }
  const [problem] = document.errors
  if (problem !== undefined) {
    const overflowed = problem.message.includes('Maximum call stack')
    throw overflowed ? tooDeep(file, limits, problem) : yamlError(problem, text, file)
  }
  try {
    warnDuplicates(document, file, lineCounter, warn)
    return document.toJS({ maxAliasCount: limits.maxAliases })
  } catch (error) {
    if (error instanceof ReferenceError) {
      throw invalidInput(`${file} expands too many YAML aliases: ${error.message}`, {
        where: file,
        hint: `At most ${limits.maxAliases} alias expansions are allowed; write the repeated parts as $ref instead.`,
        cause: error,
      })
    }
    throw tooDeep(file, limits, error)
  }
}

function yamlError(problem: YAMLError, text: string, file: string): AppError {
  const start = problem.linePos?.[0] ?? { line: 1, col: 1 }
  const opened = openingQuoteLine(problem, text)
  const message = problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')
  return invalidInput(
    `${file} is not valid YAML at line ${start.line}, column ${start.col}: ${message}${opened === undefined ? '' : ` (opened on line ${opened})`}.`,
    { where: `${file}:${start.line}:${start.col}`, hint: 'Correct the syntax there and import again.' },
  )
}

/** A quote that is never closed is noticed far below; the line it was opened on is what the author needs. */
function openingQuoteLine(problem: YAMLError, text: string): number | undefined {
  if (!/missing closing/i.test(problem.message)) return undefined
  return lineAndColumn(text, problem.pos[0]).line
}

function tooDeep(file: string, limits: ImportLimits, cause: unknown): AppError {
  return invalidInput(`${file} is nested more than ${limits.maxDepth} levels deep.`, {
    where: file,
    hint: 'Move deep parts into named schemas and refer to them with $ref.',
    cause,
  })
}

const MAX_DUPLICATES = 20

/** YAML keeps the last of two equal keys; say so, because the first one is lost. */
function warnDuplicates(
  document: Document.Parsed,
  file: string,
  lines: LineCounter,
  warn: (where: string, message: string) => void,
): void {
  let found = 0
  const walk = (node: unknown): void => {
    if (isMap(node)) {
      const keys = new Set<unknown>()
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? pair.key : undefined
        if (key !== undefined && keys.has(key.value) && found < MAX_DUPLICATES) {
          found += 1
          warn(
            `${file}:${lines.linePos(key.range?.[0] ?? 0).line}`,
            `The key '${String(key.value)}' appears twice in one mapping; the last value is used.`,
          )
        }
        if (key !== undefined) keys.add(key.value)
        walk(pair.value)
      }
    } else if (isSeq(node)) {
      for (const item of node.items) if (!isAlias(item)) walk(item)
    }
  }
  walk(document.contents)
}

// Aliases share one object in memory but count every time they are walked, here and in the mapping.
const MAX_VALUES = 10_000_000

/** One walk over the data: bounds its depth and takes `__proto__` keys out. */
function checkShape(
  value: unknown,
  file: string,
  limits: ImportLimits,
  warn: (where: string, message: string) => void,
): void {
  const stack: { value: unknown; depth: number }[] = [{ value, depth: 0 }]
  let visited = 0
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const current = entry.value
    if (typeof current !== 'object' || current === null) continue
    const depth = entry.depth + 1
    visited += 1
    if (visited > MAX_VALUES) {
      throw invalidInput(`${file} holds more than ${MAX_VALUES} values once its aliases are expanded.`, {
        where: file,
        hint: 'Import a part of it, or write the repeated parts as $ref.',
      })
    }
    if (depth > limits.maxDepth) throw tooDeep(file, limits, undefined)
    if (Array.isArray(current)) {
      for (const item of current) if (typeof item === 'object') stack.push({ value: item, depth })
      continue
    }
    if (Object.hasOwn(current, '__proto__')) {
      Reflect.deleteProperty(current, '__proto__')
      warn(file, "A key named '__proto__' was left out.")
    }
    for (const key in current) {
      const item = (current as Node)[key]
      if (typeof item === 'object') stack.push({ value: item, depth })
    }
  }
}
