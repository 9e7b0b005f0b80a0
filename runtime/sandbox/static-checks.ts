import type { Expression, Node, Pattern, Program } from 'acorn'
import { full } from 'acorn-walk'
import type { WorkflowIssue } from './prepare.ts'

const MODULES_HINT =
  'A workflow is one file without modules: call apps through ctx.connectors and anything else through ctx.fetch.'

/** Functions that are not there, found as calls to a name the workflow does not define itself. */
const missingFunctions: Record<string, { message: string; hint: string }> = {
  require: { message: 'require() is not available in workflows.', hint: MODULES_HINT },
  setTimeout: {
    message: 'setTimeout() is not available in workflows.',
    hint: "There are no timers: wait with await ctx.sleep('5m'), and use a scheduler trigger for later work.",
  },
  setInterval: {
    message: 'setInterval() is not available in workflows.',
    hint: 'Use a scheduler trigger for repeated work.',
  },
  setImmediate: {
    message: 'setImmediate() is not available in workflows.',
    hint: 'Await the work directly.',
  },
}

/** What can be seen to fail in the sandbox without running the workflow, in source order. */
export function staticIssues(program: Program): WorkflowIssue[] {
  const issues: WorkflowIssue[] = []
  const add = (node: Node, message: string, hint: string) => {
    const { line, column } = node.loc?.start ?? { line: 1, column: 0 }
    issues.push({ line, column: column + 1, message, hint })
  }
  const declared = new Set<string>()
  const missing: { node: Node; name: string }[] = []

  full(program, (node) => {
    const each = node as Expression | Program['body'][number] | Pattern
    switch (each.type) {
      case 'ImportDeclaration':
        return add(
          each,
          `import of '${String(each.source.value)}' is not available in workflows.`,
          MODULES_HINT,
        )
      case 'ExportAllDeclaration':
        return add(each, 'export … from is not available in workflows.', MODULES_HINT)
      case 'ExportNamedDeclaration':
        return each.source
          ? add(each, 'export … from is not available in workflows.', MODULES_HINT)
          : undefined
      case 'ImportExpression':
        return add(each, 'import() is not available in workflows.', MODULES_HINT)
      case 'MetaProperty':
        if (each.meta.name === 'import') {
          add(each, 'import.meta is not available in workflows.', 'Everything about the execution is in ctx.')
        }
        return
      case 'FunctionDeclaration':
      case 'ClassDeclaration':
        if (each.id) declared.add(each.id.name)
        for (const parameter of 'params' in each ? each.params : []) namesIn(parameter, declared)
        return
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        for (const parameter of each.params) namesIn(parameter, declared)
        return
      case 'VariableDeclaration':
        for (const { id } of each.declarations) namesIn(id, declared)
        return
      case 'CallExpression':
        if (each.callee.type === 'Identifier' && Object.hasOwn(missingFunctions, each.callee.name)) {
          missing.push({ node: each, name: each.callee.name })
        }
    }
  })
  for (const { node, name } of missing) {
    const known = missingFunctions[name]
    if (known !== undefined && !declared.has(name)) add(node, known.message, known.hint)
  }
  checkDefaultExport(program, add)
  return issues.sort((a, b) => a.line - b.line || a.column - b.column)
}

function checkDefaultExport(program: Program, add: (node: Node, message: string, hint: string) => void) {
  const hint = 'Write: export default async (ctx) => { … return output }'
  const found = program.body.find((node) => node.type === 'ExportDefaultDeclaration')
  if (found === undefined) {
    const renamed = program.body.some(
      (node) =>
        node.type === 'ExportNamedDeclaration' &&
        node.specifiers.some(
          ({ exported }) => (exported.type === 'Identifier' ? exported.name : exported.value) === 'default',
        ),
    )
    if (!renamed) add(program, 'The workflow has no default export.', hint)
    return
  }
  const { declaration } = found
  if ('generator' in declaration && declaration.generator) {
    add(declaration, 'The default export is a generator, which cannot be a workflow.', hint)
  } else if (
    /^(?:Literal|TemplateLiteral|ObjectExpression|ArrayExpression|Class\w+)$/.test(declaration.type)
  ) {
    add(declaration, 'The default export is not a function.', hint)
  }
}

/** The names a pattern binds. */
function namesIn(pattern: Pattern, names: Set<string>): void {
  if (pattern.type === 'Identifier') names.add(pattern.name)
  else if (pattern.type === 'AssignmentPattern') namesIn(pattern.left, names)
  else if (pattern.type === 'RestElement') namesIn(pattern.argument, names)
  else if (pattern.type === 'ArrayPattern') {
    for (const element of pattern.elements) if (element) namesIn(element, names)
  } else if (pattern.type === 'ObjectPattern') {
    for (const property of pattern.properties)
      namesIn(property.type === 'Property' ? property.value : property, names)
  }
}
