import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { fieldNames, findField, requiredFields } from './schema-field.ts'

/** An action as the catalog has it. */
export interface KnownAction {
  connector: string
  action: string
  description: string
  effect: string
  inputSchema: unknown
  /** Null: the connector does not say. */
  outputSchema: unknown
}

/** Finds an action; undefined: there is none. */
export type FindAction = (connector: string, action: string) => Promise<KnownAction | undefined>

const MAX_NAMES = 40

/**
 * What is wrong with a plan, as far as code can tell: actions that are not there, fields neither side has, required
 * fields nothing fills, steps that are used before they ran.
 */
export async function checkPlan(plan: IntegrationPlan, find: FindAction): Promise<string[]> {
  const problems: string[] = []
  const steps = new Map<string, KnownAction>()
  for (const { step, connector, action } of plan.actions) {
    const known = await find(connector, action)
    if (known === undefined)
      problems.push(
        `There is no action '${connector}.${action}' (step ${step}). Use only actions you were shown.`,
      )
    if (steps.has(step)) problems.push(`Two steps are called '${step}'.`)
    if (known !== undefined) steps.set(step, known)
  }
  const { duplicateKey } = plan
  if (duplicateKey != null && !plan.input.some((one) => isWithin(one.path, duplicateKey)))
    problems.push(
      `duplicateKey: the plan's input has no '${duplicateKey}'. It has: ${listed(plan.input.map((one) => one.path))}. Give one of these that is no list, or null.`,
    )
  const order = plan.actions.map(({ step }) => step)
  for (const mapping of plan.mappings) problems.push(...mappingProblems(plan, mapping, steps, order))
  for (const [step, { inputSchema }] of steps) {
    const filled = plan.mappings.filter((one) => one.step === step).map(({ target }) => firstOf(target))
    for (const name of requiredFields(inputSchema).filter((field) => !filled.includes(field)))
      problems.push(`Step '${step}' needs '${name}', and no mapping fills it.`)
  }
  return problems
}

const firstOf = (path: string): string => path.split(/[.[]/)[0] ?? path

function mappingProblems(
  plan: IntegrationPlan,
  { step, target, source, fixed }: IntegrationPlan['mappings'][number],
  steps: ReadonlyMap<string, KnownAction>,
  order: readonly string[],
): string[] {
  const about = `Mapping ${source ?? JSON.stringify(fixed)} → ${step}.${target}:`
  const problems: string[] = []
  const into = steps.get(step)
  if (into === undefined) {
    if (!order.includes(step)) problems.push(`${about} there is no step '${step}'.`)
  } else if (findField(into.inputSchema, target) === 'absent') {
    problems.push(
      `${about} ${into.connector}.${into.action} takes no '${target}'. It takes: ${listed(fieldNames(into.inputSchema))}.`,
    )
  }
  if ((source === null) === (fixed === null)) return [...problems, `${about} give either source or fixed.`]
  if (source === null) return problems
  const [kind, ...path] = source.split('.')
  if (kind === 'input') {
    const field = path.join('.')
    if (!plan.input.some((one) => isWithin(one.path, field)))
      problems.push(
        `${about} the plan's input has no '${field}'. It has: ${listed(plan.input.map((one) => one.path))}.`,
      )
    return problems
  }
  const [from = '', ...rest] = path
  if (kind !== 'steps' || rest.length === 0)
    return [...problems, `${about} the source must be input.<path> or steps.<step>.<path>.`]
  if (!order.includes(from)) return [...problems, `${about} there is no step '${from}'.`]
  if (order.indexOf(from) >= order.indexOf(step))
    problems.push(`${about} '${from}' does not run before '${step}'.`)
  const output = steps.get(from)?.outputSchema
  if (output != null && findField(output, rest.join('.')) === 'absent')
    problems.push(
      `${about} the output of '${from}' has no '${rest.join('.')}'. It has: ${listed(fieldNames(output))}.`,
    )
  return problems
}

/** `order.id` is said by a field `order.id`, and by an `order` whose members were not listed. */
const isWithin = (declared: string, used: string): boolean => {
  const plain = used.replace(/\[\d*\]/g, '[]')
  return (
    plain === declared ||
    plain.startsWith(`${declared}.`) ||
    declared.startsWith(`${plain}.`) ||
    declared.startsWith(`${plain}[]`)
  )
}

const listed = (names: readonly string[]): string =>
  names.length === 0
    ? 'nothing'
    : [...names.slice(0, MAX_NAMES), ...(names.length > MAX_NAMES ? ['…'] : [])].join(', ')
