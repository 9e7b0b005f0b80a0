import { parse } from 'acorn'
import { type Edits, editText } from './edit-text.ts'
import { followSteps } from './follow-steps.ts'

/** A module made ready to be evaluated. */
export interface WrappedModule {
  code: string
  /** From 1, both: the column of the source that stands at a column of a line of the code. */
  columnOf(line: number, column: number): number
}

const DEFAULT = /export(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*default/y

/**
 * An ES module as the expression `(async function (…) { … })`, which a fresh context can evaluate without
 * running workflow code and without compiling again. Its call runs the module body (top-level await
 * included) and answers with the default export; it takes what `followSteps` makes the code call. The module's lines
 * start at the wrapper's second line, so the caller compiles it with `lineOffset: -1`.
 *
 * Throws acorn's SyntaxError (with `loc`) for code that is not a module.
 */
export function wrapModule(source: string): WrappedModule {
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  const taken = new Set([...source.matchAll(/\$w\d*/g)].map(([name]) => name))
  let own = '$w'
  for (let number = 1; taken.has(own); number++) own = `$w${number}`
  const edits: Edits = { blanks: [], insertions: followSteps(program, own) }
  const tail: string[] = []
  const blank = (from: number, to: number, text = '') => edits.blanks.push({ from, to, text })
  for (const node of program.body) {
    if (node.type === 'ExportDefaultDeclaration') {
      const { declaration } = node
      const named = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration'
      if (named && declaration.id !== null) {
        blank(node.start, declaration.start)
        tail.push(`${own}.default = ${declaration.id.name};`)
      } else {
        // What follows may be in brackets.
        DEFAULT.lastIndex = node.start
        DEFAULT.exec(source)
        blank(node.start, DEFAULT.lastIndex, `${own}.default=`)
        if (named) edits.insertions.push({ at: node.end, text: ';' })
      }
    } else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      blank(node.start, node.declaration.start)
    } else if (node.type === 'ExportNamedDeclaration' && !node.source) {
      for (const specifier of node.specifiers) {
        const exported =
          specifier.exported.type === 'Identifier' ? specifier.exported.name : specifier.exported.value
        if (exported === 'default' && specifier.local.type === 'Identifier') {
          tail.push(`${own}.default = ${specifier.local.name};`)
        }
      }
      blank(node.start, node.end, ';')
    }
  }
  const { text, columnOf } = editText(source, edits)
  const parameters = [`${own}s`, `${own}r`].join(', ')
  return {
    code: `(async function (${parameters}) { 'use strict'; const ${own} = { __proto__: null, default: undefined };\n${text}\n${tail.join(' ')} return ${own}.default; })`,
    columnOf,
  }
}

/** Workflows kept ready, and characters of all of them. */
const MAX_KEPT = 100
const MAX_KEPT_LENGTH = 2_000_000

/**
 * `wrapModule` that remembers the newest: each customer has isolates of its own, for which the same workflow would be read
 * anew, and that takes longer than making the isolate where it is long.
 */
export function buildWrapper(): (source: string) => WrappedModule {
  const kept = new Map<string, WrappedModule>()
  let length = 0
  return (source) => {
    const wrapped = kept.get(source) ?? wrapModule(source)
    if (kept.delete(source)) length -= source.length
    kept.set(source, wrapped)
    length += source.length
    for (const [oldest] of kept) {
      if (kept.size <= MAX_KEPT && length <= MAX_KEPT_LENGTH) break
      kept.delete(oldest)
      length -= oldest.length
    }
    return wrapped
  }
}
