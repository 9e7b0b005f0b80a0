import { Script } from 'node:vm'
import { type Program, parse } from 'acorn'
import { invalidInput } from '../../core/errors.ts'
import { type ConnectorCall, connectorCalls } from './connector-calls.ts'
import { type Reaches, seenReach } from './seen-reach.ts'
import { staticIssues } from './static-checks.ts'
import { stripTypes } from './strip-types.ts'
import { wrapModule } from './wrap-module.ts'

export interface PreparedWorkflow {
  /** A runnable ES module in JavaScript, every line and column where the source had it. */
  code: string
  language: 'javascript' | 'typescript'
}

export interface WorkflowIssue {
  /** From 1. */
  line: number
  /** From 1. */
  column: number
  message: string
  hint: string
}

/** A workflow is one function; code this long is a bundle, which belongs elsewhere. */
const MAX_SOURCE_LENGTH = 512 * 1024

/**
 * Makes a workflow's source runnable: TypeScript's types are blanked out in place, and what cannot work in
 * the sandbox (imports, timers, a missing default export) is refused before it ever runs.
 *
 * Throws `invalid_input` for the first issue, `where: 'line L, column C'`; `data.issues` has all of them.
 */
export function prepareWorkflow(source: string, filename?: string): PreparedWorkflow {
  const { prepared, issues } = examine(source, filename)
  const first = issues[0]
  if (first !== undefined || prepared === undefined) {
    throw invalidInput(first?.message ?? 'The workflow cannot be read.', {
      where: `line ${first?.line ?? 1}, column ${first?.column ?? 1}`,
      ...(first === undefined ? {} : { hint: first.hint }),
      data: { issues },
    })
  }
  return prepared
}

/**
 * Everything known about a workflow without running it: its issues, and the connector actions it calls as
 * far as they can be seen (`ctx.connectors.slack.post_message(…)`, `fastn.connector…`, simple aliases).
 */
export function validateWorkflow(source: string): {
  valid: boolean
  issues: WorkflowIssue[]
  connectors: ConnectorCall[]
  reaches: Reaches[]
  /** What was read; undefined when it could not be. */
  read: ReadWorkflow | undefined
} {
  const { prepared, program, issues } = examine(source, undefined)
  return {
    valid: issues.length === 0,
    issues,
    connectors: program === undefined ? [] : connectorCalls(program),
    reaches: program === undefined ? [] : seenReach(program),
    read:
      prepared === undefined || program === undefined ? undefined : { program, language: prepared.language },
  }
}

export interface ReadWorkflow {
  /** Of the code without types, whose places are those of the source. */
  program: Program
  language: PreparedWorkflow['language']
}

function examine(
  source: string,
  filename: string | undefined,
): { prepared?: PreparedWorkflow; program?: Program; issues: WorkflowIssue[] } {
  if (source.length > MAX_SOURCE_LENGTH) {
    const message = `The workflow has ${source.length} characters, more than ${MAX_SOURCE_LENGTH}.`
    return {
      issues: [{ line: 1, column: 1, message, hint: 'Move data out of the code, or split the workflow.' }],
    }
  }
  const read = readModule(source, filename !== undefined && /\.[cm]?tsx?$/.test(filename))
  if ('issue' in read) return { issues: [read.issue] }
  const prepared = { code: read.code, language: read.language }
  try {
    const issues = staticIssues(read.program)
    // What is inserted before it runs makes it deeper.
    if (issues.length === 0) new Script(wrapModule(read.code).code)
    return { prepared, program: read.program, issues }
  } catch (error) {
    if (isTooDeep(error)) return { issues: [tooDeep] }
    throw error
  }
}

/** What reads the code goes one level down for each of its levels. */
const tooDeep: WorkflowIssue = {
  line: 1,
  column: 1,
  message: 'The workflow is nested too deeply to be read.',
  hint: 'Shorten its longest expression: split long chains and nested brackets into several statements.',
}

/** The parser says so with a SyntaxError of its own. */
const isTooDeep = (error: unknown) =>
  error instanceof RangeError ||
  (error instanceof SyntaxError && error.message.startsWith('Not enough stack'))

type Module = PreparedWorkflow & { program: Program }

/** JavaScript if it parses as such, TypeScript otherwise (or first, when the file says so). */
function readModule(source: string, typescriptFirst: boolean): Module | { issue: WorkflowIssue } {
  const javascript = typescriptFirst ? undefined : parseModule(source)
  if (javascript !== undefined && 'program' in javascript) {
    return { code: source, language: 'javascript', program: javascript.program }
  }
  const stripped = stripTypes(source)
  if ('failure' in stripped) {
    return { issue: stripped.failure.syntax ? typescriptIssue(stripped.failure) : tooDeep }
  }
  const { code } = stripped
  const parsed = parseModule(code)
  return 'program' in parsed
    ? { code, language: code === source ? 'javascript' : 'typescript', program: parsed.program }
    : parsed
}

function parseModule(code: string): { program: Program } | { issue: WorkflowIssue } {
  try {
    return { program: parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true }) }
  } catch (error) {
    if (isTooDeep(error)) return { issue: tooDeep }
    const { message, loc } = error as Error & { loc?: { line: number; column: number } }
    return {
      issue: {
        line: loc?.line ?? 1,
        column: (loc?.column ?? 0) + 1,
        message: `${message.replace(/ \(\d+:\d+\)$/, '')}.`,
        hint: 'Fix the syntax here; a workflow is one ES module: export default async (ctx) => { … }',
      },
    }
  }
}

/** Node puts the place into the stack: a line `file:LINE`, some source lines, and a row of carets under the column. */
function typescriptIssue(error: { message: string; stack: string }): WorkflowIssue {
  const [place = '', ...shown] = error.stack.split('\n')
  const carets = shown.find((line) => /^\s*\^+\s*$/.test(line)) ?? ''
  const unsupported = /strip-only mode/.test(error.message)
  return {
    line: Number(/:(\d+)$/.exec(place)?.[1] ?? 1),
    column: Math.max(0, carets.indexOf('^')) + 1,
    message: `${error.message.replace(/ in strip-only mode$/, '').replace(/\.$/, '')}.`,
    hint: unsupported
      ? 'Use only TypeScript that disappears when types are removed: a union or const object for an enum, no namespaces, no parameter properties.'
      : 'Fix the syntax here; a workflow is one ES module: export default async (ctx) => { … }',
  }
}
