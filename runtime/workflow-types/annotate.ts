import type { ArrowFunctionExpression, Expression, FunctionExpression, Pattern, Program } from 'acorn'
import type { ReadWorkflow } from '../sandbox/prepare.ts'

export interface Annotated {
  code: string
  /** The place in the source of a place in `code`. */
  toSource(position: number): number
}

const TYPE = 'WorkflowContext'

/**
 * The workflow with its function's parameter declared to be a WorkflowContext, where the code itself does not say
 * what it is: in TypeScript by an annotation, in JavaScript by a comment.
 */
export function annotate(source: string, { program, language }: ReadWorkflow): Annotated {
  const parameter = workflowParameter(program)
  const insertions = parameter === undefined ? [] : insertionsAt(source, parameter, language)
  let code = ''
  let done = 0
  for (const { at, text } of insertions) {
    code += source.slice(done, at) + text
    done = at
  }
  code += source.slice(done)
  return {
    code,
    toSource: (position) => {
      let moved = 0
      for (const { at, text } of insertions) {
        if (position <= at + moved) break
        moved += Math.min(text.length, position - at - moved)
      }
      return position - moved
    },
  }
}

function insertionsAt(source: string, given: Pattern, language: ReadWorkflow['language']) {
  const parameter = given.type === 'AssignmentPattern' ? given.left : given
  const before = source.slice(0, parameter.start).trimEnd()
  const after = source.slice(parameter.end).trimStart()
  if (language === 'typescript') {
    return after.startsWith(':') || after.startsWith('?') ? [] : [{ at: parameter.end, text: `: ${TYPE}` }]
  }
  if (before.endsWith('*/')) return []
  const comment = `/** @type {${TYPE}} */ `
  if (before.endsWith('(')) return [{ at: parameter.start, text: comment }]
  // A parameter without brackets around it: ctx => …
  return [
    { at: parameter.start, text: `(${comment}` },
    { at: parameter.end, text: ')' },
  ]
}

/** The first parameter of what the module exports by default, a function or the name of one. */
function workflowParameter(program: Program): Pattern | undefined {
  for (const node of program.body) {
    if (node.type !== 'ExportDefaultDeclaration') continue
    const { declaration } = node
    if ('params' in declaration) return declaration.params[0]
    return declaration.type === 'Identifier' ? functionNamed(program, declaration.name)?.params[0] : undefined
  }
  return undefined
}

function functionNamed(program: Program, name: string) {
  for (const node of program.body) {
    if (node.type === 'FunctionDeclaration' && node.id.name === name) return node
    if (node.type !== 'VariableDeclaration') continue
    for (const { id, init } of node.declarations) {
      if (id.type === 'Identifier' && id.name === name && isFunction(init)) return init
    }
  }
  return undefined
}

const isFunction = (
  node: Expression | null | undefined,
): node is FunctionExpression | ArrowFunctionExpression =>
  node?.type === 'FunctionExpression' || node?.type === 'ArrowFunctionExpression'
