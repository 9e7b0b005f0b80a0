import { invalidInput } from '../../core/errors.ts'

export interface FlowStep {
  name: string
  type: 'action' | 'transform' | 'filter'
  connector?: string | undefined
  action?: string | undefined
  mapping: Record<string, unknown>
}

const TOKEN = /\{\{\s*([^{}]+?)\s*\}\}/g
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
/** Names the generated code uses itself, and JavaScript's. */
const TAKEN = new Set(
  'ctx default export async await function const let var return if else for while do switch case break continue new class this null true false undefined typeof instanceof in of try catch finally throw delete void with yield import super enum static arguments eval debugger'.split(
    ' ',
  ),
)

/**
 * Workflow code of a list of steps: one statement each, in order. `{{trigger.x}}` is what started the run,
 * `{{steps.name.output.x}}` what an earlier step gave; alone in a string they keep their type, within text they
 * become part of it. Whatever else a mapping holds is written as JSON, so it can only ever be data.
 * @throws AppError `invalid_input` naming the step and the token
 */
export function flowCode(flow: { name: string; steps: readonly FlowStep[] }): string {
  const variables = new Map<string, string>()
  const lines = flow.steps.flatMap((step, index) => {
    const where = `spec.steps.${index}`
    if (variables.has(step.name)) {
      throw invalidInput(`Two steps are called '${step.name}'.`, {
        where: `${where}.name`,
        hint: 'Give each a name of its own.',
      })
    }
    const expression = (value: unknown) => expressionOf(value, variables, `${where}.mapping`, 1)
    const statements = statementsOf(
      step,
      where,
      expression,
      variableFor(step.name, new Set(variables.values())),
    )
    variables.set(step.name, statements.variable)
    return [`  // ${step.name.replace(/\s+/g, ' ')}`, ...statements.lines]
  })
  const results = [...variables].map(([name, variable]) => `${key(name)}: ${variable}`).join(', ')
  return [
    `// ${flow.name.replace(/\s+/g, ' ')}`,
    'export default async (ctx) => {',
    ...lines,
    `  return { ${results} }`,
    '}',
    '',
  ].join('\n')
}

function statementsOf(
  step: FlowStep,
  where: string,
  expression: (value: unknown) => string,
  variable: string,
): { variable: string; lines: string[] } {
  if (step.type === 'transform')
    return { variable, lines: [`  const ${variable} = ${expression(step.mapping)}`] }
  if (step.type === 'filter') {
    if (!('condition' in step.mapping)) {
      throw invalidInput('A filter step needs mapping.condition.', {
        where: `${where}.mapping.condition`,
        hint: 'e.g. {"condition":"{{trigger.paid}}"}: the flow stops when it is false or empty.',
      })
    }
    const lines = [
      `  const ${variable} = Boolean(${expression(step.mapping.condition)})`,
      `  if (!${variable}) return { stopped: ${JSON.stringify(step.name)} }`,
    ]
    return { variable, lines }
  }
  if (step.connector === undefined || step.action === undefined) {
    throw invalidInput(`The step '${step.name}' names no connector or action.`, {
      where,
      hint: 'search_actions finds them by what the step should do.',
    })
  }
  const target = `ctx.connectors${member(step.connector)}${member(step.action)}`
  return { variable, lines: [`  const ${variable} = await ${target}(${expression(step.mapping)})`] }
}

function expressionOf(
  value: unknown,
  variables: ReadonlyMap<string, string>,
  where: string,
  depth: number,
): string {
  if (typeof value === 'string') return textOf(value, variables, where)
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => expressionOf(item, variables, `${where}.${index}`, depth)).join(', ')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const pad = '  '.repeat(depth + 1)
    const entries = Object.entries(value).map(
      ([name, item]) =>
        `${pad}${key(name)}: ${expressionOf(item, variables, `${where}.${name}`, depth + 1)},`,
    )
    return entries.length === 0 ? '{}' : `{\n${entries.join('\n')}\n${'  '.repeat(depth)}}`
  }
  return JSON.stringify(value) ?? 'undefined'
}

function textOf(text: string, variables: ReadonlyMap<string, string>, where: string): string {
  const tokens = [...text.matchAll(TOKEN)]
  const [only] = tokens
  if (only === undefined) return JSON.stringify(text)
  if (only[0] === text.trim()) return reference(only[1] ?? '', variables, where)
  let from = 0
  let template = ''
  for (const token of tokens) {
    template += `${quoted(text.slice(from, token.index))}\${${reference(token[1] ?? '', variables, where)}}`
    from = token.index + token[0].length
  }
  return `\`${template}${quoted(text.slice(from))}\``
}

const quoted = (text: string) => text.replace(/[\\`]|\$(?=\{)/g, '\\$&')

/** `steps.find.output.items[0].id` → `find?.items?.[0]?.id` */
function reference(token: string, variables: ReadonlyMap<string, string>, where: string): string {
  const path = token
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.')
    .map((part) => part.trim())
  const [root = '', name = '', output = ''] = path
  if (root === 'trigger') return `ctx.input${access(path.slice(1))}`
  if (root === 'customer') return `ctx.customer${access(path.slice(1))}`
  const variable = variables.get(name)
  if (root === 'steps' && variable !== undefined && (output === 'output' || path.length === 2)) {
    return `${variable}${access(path.slice(3))}`
  }
  const earlier = [...variables.keys()].map((step) => `{{steps.${step}.output}}`)
  throw invalidInput(`{{${token}}} refers to nothing a step can use here.`, {
    where,
    hint: `Use {{trigger.…}}, {{customer.id}}${earlier.length === 0 ? '' : `, ${earlier.join(', ')}`}; a step sees only those before it.`,
  })
}

const access = (path: readonly string[]) =>
  path
    .map((part) =>
      IDENTIFIER.test(part) ? `?.${part}` : `?.[${/^\d+$/.test(part) ? part : JSON.stringify(part)}]`,
    )
    .join('')
const member = (name: string) => (IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`)
/** `__proto__: x` in a literal would set the prototype; computed, it is a property as any other. */
const key = (name: string) =>
  name === '__proto__' ? '["__proto__"]' : IDENTIFIER.test(name) ? name : JSON.stringify(name)

function variableFor(name: string, used: ReadonlySet<string>): string {
  const words = name.match(/[A-Za-z0-9]+/g) ?? []
  const joined = words
    .map(
      (word, index) =>
        (index === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1),
    )
    .join('')
  const base =
    /^[a-z]/.test(joined) && !TAKEN.has(joined)
      ? joined
      : `step${joined.charAt(0).toUpperCase()}${joined.slice(1)}`
  let variable = base
  for (let count = 2; used.has(variable); count += 1) variable = `${base}${count}`
  return variable
}
