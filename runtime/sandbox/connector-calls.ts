import type { Expression, Node, Pattern, Program, Super } from 'acorn'
import { full } from 'acorn-walk'

export interface ConnectorCall {
  slug: string
  action: string
}

/** `ctx.connectors.<slug>.raw.<action>`, `ctx.connectors.<slug>.<action>.items`: longer ones call nothing, and names made of names would fill the memory. */
const LONGEST_CHAIN = 5

/**
 * The connector actions a workflow calls, as far as they can be seen: `ctx.connectors.<slug>.<action>(…)`,
 * `.raw.<action>(…)`, `.<action>.items(…)`, `fastn.connector(s).…` (also of `new Fastn(…)`), bracket notation with a
 * literal, and names bound to a part of such a chain (`const { slack } = ctx.connectors`). In order of appearance,
 * each once.
 */
export function connectorCalls(program: Program): ConnectorCall[] {
  const found = new Map<string, ConnectorCall>()
  for (const { chain } of contextCalls(program)) {
    const call = connectorCallOf(chain)
    if (call !== undefined) found.set(`${call.slug}.${call.action}`, call)
  }
  return [...found.values()]
}

/** A call of something reached from `ctx` or `fastn`, and where it stands, with its arguments. */
export interface ContextCall {
  /** `['ctx', 'state', 'get']` */
  chain: string[]
  start: number
  end: number
}

/** All of them, in order of appearance. */
export function contextCalls(program: Program): ContextCall[] {
  const aliases = new Map<string, string[]>([
    ['ctx', ['ctx']],
    ['fastn', ['fastn']],
  ])
  const found: ContextCall[] = []
  const nodes: Node[] = []
  full(program, (node) => {
    nodes.push(node)
  })
  const inOrder = nodes.sort((a, b) => a.start - b.start) as (Expression | Program['body'][number])[]

  for (const node of inOrder) {
    if (node.type === 'ExportDefaultDeclaration') {
      const parameter = 'params' in node.declaration ? node.declaration.params[0] : undefined
      if (parameter !== undefined) bind(parameter, ['ctx'], aliases)
    } else if (node.type === 'VariableDeclaration') {
      for (const { id, init } of node.declarations) {
        const chain = init ? chainOf(init, aliases) : undefined
        if (chain !== undefined) bind(id, chain, aliases)
      }
    } else if (node.type === 'CallExpression') {
      const chain = chainOf(node.callee, aliases)
      if (chain !== undefined) found.push({ chain, start: node.start, end: node.end })
    }
  }
  return found
}

/** `ctx.connectors.slack.raw.post` as a list of names, or undefined for anything else. */
function chainOf(node: Expression | Super, aliases: Map<string, string[]>): string[] | undefined {
  if (node.type === 'Identifier') return aliases.get(node.name)
  if (node.type === 'ChainExpression') return chainOf(node.expression, aliases)
  if (node.type === 'NewExpression')
    return node.callee.type === 'Identifier' && node.callee.name === 'Fastn' ? ['fastn'] : undefined
  if (node.type !== 'MemberExpression') return undefined
  const chain = chainOf(node.object, aliases)
  if (chain === undefined || chain.length >= LONGEST_CHAIN) return undefined
  if (!node.computed && node.property.type === 'Identifier') return [...chain, node.property.name]
  if (node.property.type === 'Literal' && typeof node.property.value === 'string')
    return [...chain, node.property.value]
  return undefined
}

/** Names that stand for a part of the chain: plain ones and those taken out by destructuring. */
function bind(pattern: Pattern, chain: string[], aliases: Map<string, string[]>): void {
  if (pattern.type === 'Identifier') aliases.set(pattern.name, chain)
  else if (pattern.type === 'AssignmentPattern') bind(pattern.left, chain, aliases)
  else if (pattern.type === 'ObjectPattern') {
    for (const property of pattern.properties) {
      if (property.type !== 'Property' || property.computed) continue
      const { key } = property
      const name =
        key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : undefined
      if (name !== undefined && chain.length < LONGEST_CHAIN) bind(property.value, [...chain, name], aliases)
    }
  }
}

/** The action a chain of names calls, if it is one of a connector. */
export function connectorCallOf(chain: readonly string[]): ConnectorCall | undefined {
  const [root, area, slug, ...rest] = chain
  const connectors = area === 'connectors' || (root === 'fastn' && area === 'connector')
  if (!connectors || slug === undefined) return undefined
  const [first, second] = rest
  const lists = second === 'items' || second === 'pages' || second === 'collect'
  const action =
    rest.length === 1
      ? first
      : rest.length !== 2
        ? undefined
        : first === 'raw'
          ? second
          : lists
            ? first
            : undefined
  return action === undefined ? undefined : { slug, action }
}
