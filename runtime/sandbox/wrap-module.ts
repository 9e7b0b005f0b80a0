import { type Program, parse } from 'acorn'

/**
 * An ES module as the expression `(async function () { … })`, which a fresh context can evaluate without
 * running workflow code and without compiling again. Its call runs the module body (top-level await
 * included) and answers with the default export. The module's lines start at the wrapper's second line and
 * keep their columns, so the caller compiles it with `lineOffset: -1`.
 *
 * Throws acorn's SyntaxError (with `loc`) for code that is not a module.
 */
export function wrapModule(code: string): string {
  const program: Program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  let scope = '$w'
  while (code.includes(scope)) scope += 'w'
  const edits: { from: number; to: number; text: string }[] = []
  const tail: string[] = []
  /** Blanks a stretch of code, leaving line breaks, with `text` in front. */
  const replace = (from: number, to: number, text = '') => {
    const blank = code.slice(from, to).replaceAll(/[^\n\r\u2028\u2029]/g, ' ')
    // Line breaks (between `export` and `default`) and the columns after them are kept.
    const broken = /[\n\r\u2028\u2029]/.exec(blank)
    edits.push({ from, to, text: text + blank.slice(Math.min(text.length, broken?.index ?? text.length)) })
  }
  for (const node of program.body) {
    if (node.type === 'ExportDefaultDeclaration') {
      const { declaration } = node
      const named = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration'
      if (named && declaration.id !== null) {
        replace(node.start, declaration.start)
        tail.push(`${scope}.default = ${declaration.id.name};`)
      } else {
        replace(node.start, declaration.start, `${scope}.default=`)
        if (named) edits.push({ from: node.end, to: node.end, text: ';' })
      }
    } else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      replace(node.start, node.declaration.start)
    } else if (node.type === 'ExportNamedDeclaration' && !node.source) {
      for (const specifier of node.specifiers) {
        const exported =
          specifier.exported.type === 'Identifier' ? specifier.exported.name : specifier.exported.value
        if (exported === 'default' && specifier.local.type === 'Identifier') {
          tail.push(`${scope}.default = ${specifier.local.name};`)
        }
      }
      replace(node.start, node.end, ';')
    }
  }
  let body = code
  for (const { from, to, text } of edits.reverse()) body = body.slice(0, from) + text + body.slice(to)
  return `(async function () { 'use strict'; const ${scope} = { __proto__: null, default: undefined };\n${body}\n${tail.join(' ')} return ${scope}.default; })`
}
