import { type ContextCall, connectorCallOf } from '../sandbox/connector-calls.ts'
import type { ReadWorkflow, WorkflowIssue } from '../sandbox/prepare.ts'
import type { Diagnostic } from './compiler.ts'

const MAX_MESSAGE_CHARS = 600
/** Nothing was found in place of a name that is looked for. */
const NO_PROPERTY = new Set([2339, 2551, 2550])
/** Values that do not fit where they are given. */
const MISFIT = new Set([2322, 2345, 2353, 2559, 2561, 2739, 2740, 2741, 2769])
/**
 * What is said of code that works: operators on other values than numbers (dates), `this`, comparing what never is
 * equal, modules (which other checks tell of), reassigned functions.
 */
const HARMLESS = new Set([2307, 2362, 2363, 2365, 2367, 2447, 2683, 2792, 2630])
/** A text or number that may well be one of the allowed ones: its type was widened in a variable. */
const WIDENED = /^Type '(?:string|number|string\[\]|number\[\])' is not assignable to type '(?:"[^"]*"|\d+)/

const hints: Record<string, string> = {
  process: 'Settings come from ctx.config.get(key) and ctx.secrets.get(name).',
  Buffer: 'For bytes there are Uint8Array, TextEncoder, atob and btoa; files come from ctx.files.',
  require: 'There are no modules: call apps through ctx.connectors and anything else through ctx.fetch.',
  setTimeout: "Wait with await ctx.sleep(ms) or await ctx.sleep('5m').",
  setInterval: 'Use a scheduler trigger for repeated work.',
  XMLHttpRequest: 'Use ctx.fetch.',
  axios: 'Use ctx.fetch.',
  ctx: 'The workflow gets it as its parameter: export default async (ctx) => { … }',
}

export interface ExplainContext {
  source: string
  read: ReadWorkflow
  calls: readonly ContextCall[]
  /** The place in the source of a place in what was compiled. */
  toSource(position: number): number
  /** Fields of an action's input, the required ones with a star. */
  fieldsOf(slug: string, action: string): string | undefined
}

/** What the compiler says of a workflow, in words an agent can act on, or undefined where it need not know. */
export function explain(diagnostic: Diagnostic, context: ExplainContext): WorkflowIssue | undefined {
  const { code } = diagnostic
  const at = context.toSource(diagnostic.pos)
  const call = innermost(context.calls, at)
  const isJavascript = context.read.language === 'javascript'
  if (HARMLESS.has(code) || (isJavascript && code === 2769)) return undefined
  // Variables that change what they hold are common in JavaScript; what ctx is given counts.
  if (isJavascript && MISFIT.has(code) && call === undefined) return undefined
  const said = chain(diagnostic)
  if (said.some((text) => WIDENED.test(text))) return undefined
  const text = said.join(' ')
  if (NO_PROPERTY.has(code) && / on type '\{\s*\}'/.test(text)) return undefined

  const place = placeOf(context.source, at)
  const name = context.source.slice(at, context.toSource(diagnostic.end))
  if (text.startsWith('Cannot find name ')) return { ...place, ...noName(name, text) }
  if (NO_PROPERTY.has(code)) {
    const missing = noProperty(name, text, call)
    if (missing !== undefined) return { ...place, ...missing }
  }
  return { ...place, message: cut(text), hint: hintFor(code, name, call, context) }
}

/** What it says, from the general to the particular. */
function chain(diagnostic: Diagnostic): string[] {
  const deeper = (diagnostic.messageChain ?? []).flatMap(chain)
  return [diagnostic.text, ...deeper]
}

function innermost(calls: readonly ContextCall[], at: number): ContextCall | undefined {
  return calls
    .filter(({ start, end }) => start <= at && at < end)
    .reduce<ContextCall | undefined>(
      (inner, call) => (inner === undefined || call.start >= inner.start ? call : inner),
      undefined,
    )
}

const suggestion = (text: string) => {
  const found = /Did you mean (?:to write |the \w+ member )?'([^']+)'/.exec(text)
  return found?.[1] === undefined ? '' : ` Did you mean '${found[1]}'?`
}

function noName(name: string, text: string) {
  return {
    message: `'${name}' is not defined in workflows.${suggestion(text)}`,
    hint:
      (Object.hasOwn(hints, name) ? hints[name] : undefined) ??
      'Declare it, or correct the name. Besides the language there are ctx, console, fetch, the web-standard globals that docs/sandbox.md lists (URL, Headers, TextEncoder, crypto, AbortController, structuredClone, atob, …).',
  }
}

function noProperty(name: string, text: string, call: ContextCall | undefined) {
  const type = / on type '([\w]+)</.exec(text)?.[1] ?? / on type '(\w+)'/.exec(text)?.[1]
  if (type === 'ConnectorsOf' || type === 'FastnConnectors') {
    return {
      message: `There is no connector '${name}'.${suggestion(text)}`,
      hint: 'list_connectors shows the ones there are.',
    }
  }
  if (type === 'ConnectorOf' || type === 'RawConnectorOf' || type === 'FastnConnectorOf') {
    const slug = call?.chain[2]
    return {
      message: `The connector${slug === undefined ? '' : ` '${slug}'`} has no action '${name}'.${suggestion(text)}`,
      hint: `list_actions${slug === undefined ? '' : ` {"connector":"${slug}"}`} shows the ones there are.`,
    }
  }
  if (type === 'WorkflowContext' || type === 'FastnRuntime') {
    return {
      message: `${type === 'FastnRuntime' ? 'fastn' : 'ctx'} has no '${name}'.${suggestion(text)}`,
      hint: 'generate_types shows all that it has, and docs/workflows.md what each does.',
    }
  }
  return undefined
}

function hintFor(code: number, name: string, call: ContextCall | undefined, context: ExplainContext): string {
  const action = call === undefined ? undefined : connectorCallOf(call.chain)
  if (action !== undefined && !NO_PROPERTY.has(code)) {
    const fields = context.fieldsOf(action.slug, action.action)
    const takes = fields === undefined ? '' : `${action.slug}.${action.action} takes ${fields}. `
    return `${takes}get_action {"connector":"${action.slug}","action":"${action.action}"} tells more.`
  }
  if (NO_PROPERTY.has(code)) {
    return `Correct the name. If it is there although its description does not say so, write ['${name}'].`
  }
  if (call !== undefined) return 'generate_types shows what each part of ctx takes and gives.'
  return 'Correct the value, or the type it is declared with.'
}

const cut = (text: string) =>
  text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text

function placeOf(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at).split(/\r\n|[\n\r\u2028\u2029]/)
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
