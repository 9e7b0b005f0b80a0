import pLimit from 'p-limit'
import { getInputSchema } from '../../db/connector-types.ts'
import { isSchemaObject } from '../connectors/json-schema.ts'
import { connectorCalls, contextCalls } from '../sandbox/connector-calls.ts'
import type { ReadWorkflow, WorkflowIssue } from '../sandbox/prepare.ts'
import { annotate } from './annotate.ts'
import { compile } from './compiler.ts'
import { contextTypes } from './context-types.ts'
import { explain } from './explain.ts'
import { globalTypes, languageLibraries } from './global-types.ts'
import { declareOrganization, type Read } from './organization-types.ts'

const MAX_ISSUES = 50
/** Fields told of in a hint. */
const MAX_FIELDS = 25
/** The compiler takes both cores for some tenths of a second, and a hundred MB. */
const atOnce = pLimit(2)

/** Lenient, because code that runs well is to be told nothing: no null checks, nothing about implicit any. */
export const compilerOptions = {
  lib: languageLibraries,
  types: [],
  target: 'esnext',
  module: 'esnext',
  moduleDetection: 'force',
  noResolve: true,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  strict: false,
  noImplicitAny: false,
  strictNullChecks: false,
  useUnknownInCatchVariables: false,
  skipLibCheck: true,
}

/**
 * Checks a workflow that could be read against the types of `ctx` and of the organization's connectors.
 * @param read a short read of the organization's database; none is held while the compiler works
 * @returns what is wrong, in source order; 50 at most
 * @throws AppError `timeout`, `unavailable`, `cancelled`
 */
export async function checkTypes(
  source: string,
  workflow: ReadWorkflow,
  read: Read,
  signal?: AbortSignal,
): Promise<WorkflowIssue[]> {
  const { program, language } = workflow
  const used = connectorCalls(program)
  const own = await declareOrganization(read, { used })
  const { code, toSource } = annotate(source, workflow)
  const name = language === 'typescript' ? 'workflow.ts' : 'workflow.js'
  const files = {
    'globals.d.ts': globalTypes,
    'ctx.d.ts': contextTypes,
    'connectors.d.ts': own,
    [name]: code,
  }
  const said = await atOnce(() =>
    compile(files, compilerOptions, [name], signal === undefined ? {} : { signal }),
  )
  if (said.length === 0) return []
  const fields = new Map<string, string>()
  for (const { slug, action } of used) {
    const schema = await read((tx) => getInputSchema(tx, slug, action))
    if (schema !== undefined) fields.set(`${slug}.${action}`, fieldsIn(schema))
  }
  const context = {
    source,
    read: workflow,
    calls: contextCalls(program),
    toSource,
    fieldsOf: (slug: string, action: string) => fields.get(`${slug}.${action}`),
  }
  const issues = said.map((one) => explain(one, context)).filter((issue) => issue !== undefined)
  return issues.sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_ISSUES)
}

/** `owner*, repo*, title*, body`: required ones first, with a star. */
function fieldsIn(schema: unknown): string {
  const { properties, required } = isSchemaObject(schema) ? schema : {}
  const needed = Array.isArray(required) ? required.map(String) : []
  const all = isSchemaObject(properties) ? Object.keys(properties).sort() : []
  const names = [...needed.map((name) => `${name}*`), ...all.filter((name) => !needed.includes(name))]
  if (names.length === 0) return 'no fields'
  const shown = names.slice(0, MAX_FIELDS).join(', ')
  const star = needed.length > 0 ? ' (* required)' : ''
  return `${shown}${names.length > MAX_FIELDS ? `, and ${names.length - MAX_FIELDS} more` : ''}${star}`
}
