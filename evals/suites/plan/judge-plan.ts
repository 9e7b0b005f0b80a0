import { spelledOut } from '../../environments/cron.ts'
import type { Plan, Source, Wanted, WantedField } from './wish.ts'

/** An action of the catalog, as far as plans are judged by it. */
export interface CatalogAction {
  effect: string
  /** Fields of its input, at the top. */
  fields: readonly string[]
  required: readonly string[]
}
export type Catalog = ReadonlyMap<string, CatalogAction>

/**
 * What keeps a plan from being the wanted one. Only its parts are looked at, and values that rules name: how it is worded
 * is the planner's affair, as are reads besides those it needs.
 */
export function judgePlan(plan: Plan, wanted: Wanted, catalog: Catalog): string[] {
  return [
    ...triggerProblems(plan.trigger, wanted.trigger),
    ...(plan.tenancy === wanted.tenancy ? [] : [`it is for ${plan.tenancy}, not ${wanted.tenancy}`]),
    ...callProblems(plan, wanted, catalog),
    ...wanted.fields.flatMap((field) => fieldProblems(plan, field)),
    ...(wanted.onFailure ?? []).flatMap(({ action, is }) =>
      stepsOf(plan, action)
        .filter(({ onFailure }) => onFailure !== is)
        .map(({ onFailure }) => `when ${action} fails it does ${onFailure}, not ${is}`),
    ),
    ...nameProblems(plan, wanted),
  ]
}

const nameOf = ({ connector, action }: Plan['actions'][number]): string => `${connector}.${action}`
const stepsOf = (plan: Plan, action: string) => plan.actions.filter((one) => nameOf(one) === action)

function triggerProblems(trigger: Plan['trigger'], wanted: Wanted['trigger']): string[] {
  if (trigger.type !== wanted.type) return [`it is started by ${trigger.type}, not by ${wanted.type}`]
  if (wanted.type === 'webhook') return []
  const { cron, timeZone } = trigger
  // Without an hour in it, the zone says nothing.
  const sameZone = timeZone === wanted.timeZone || wanted.cron.split(' ')[1] === '*'
  return sameZone && cron !== null && spelledOut(cron) === spelledOut(wanted.cron)
    ? []
    : [`it runs at ${cron} in ${timeZone}, not at ${wanted.cron} in ${wanted.timeZone}`]
}

function callProblems(plan: Plan, { writes, reads }: Wanted, catalog: Catalog): string[] {
  const called = [...new Set(plan.actions.map(nameOf))]
  const isRead = (action: string) => catalog.get(action)?.effect === 'read'
  return [
    ...called.filter((action) => !catalog.has(action)).map((action) => `there is no action ${action}`),
    ...[...writes, ...reads]
      .filter((action) => !called.includes(action))
      .map((action) => `it does not call ${action}`),
    ...called
      .filter((action) => catalog.has(action) && !isRead(action) && !writes.includes(action))
      .map((action) => `it calls ${action}, which nobody wants`),
    ...plan.actions.flatMap((one) => incomplete(plan, one, catalog.get(nameOf(one)))),
  ]
}

function incomplete(
  plan: Plan,
  { step }: Plan['actions'][number],
  action: CatalogAction | undefined,
): string[] {
  if (action === undefined) return []
  const given = plan.mappings.filter((one) => one.step === step).map(({ target }) => firstOf(target))
  return [
    ...action.required
      .filter((field) => !given.includes(field))
      .map((field) => `${step} lacks ${field}, which the app demands`),
    ...given.filter((field) => !action.fields.includes(field)).map((field) => `${step} takes no ${field}`),
  ]
}

const firstOf = (path: string): string => path.split(/[.[]/)[0] ?? path
const lastOf = (path: string): string =>
  path
    .replace(/\[\d*\]/g, '')
    .split('.')
    .at(-1) ?? path

/** Every call of the action has to have it so. */
function fieldProblems(plan: Plan, field: WantedField): string[] {
  const { action, target } = field
  return stepsOf(plan, action).flatMap(({ step }) => {
    const mappings = plan.mappings.filter((one) => one.step === step && firstOf(one.target) === target)
    if (mappings.length === 0)
      return field.orLeftOut === true ? [] : [`nothing says what ${action} gets for ${target}`]
    const wrong = mappings.map((mapping) => mappingProblem(plan, mapping, field))
    // Several sources may be joined; one of them has to be the one it is about.
    return wrong.includes(undefined) ? [] : [`${action}.${target} ${wrong[0]}`]
  })
}

function mappingProblem(
  plan: Plan,
  { source, fixed, transform }: Plan['mappings'][number],
  wanted: WantedField,
): string | undefined {
  if (wanted.fixed !== undefined)
    return fixed !== null && fixed.trim() === wanted.fixed
      ? undefined
      : `is ${fixed ?? source}, not ${wanted.fixed}`
  const from = wanted.from ?? []
  if (source === null || !from.some((one) => isFrom(plan, source, one)))
    return `comes from ${source ?? `the fixed ${fixed}`}, not from ${from.map(shown).join(' or ')}`
  return wanted.changed === true && (transform ?? '').trim() === ''
    ? `comes from ${source} as it is, and has to be changed`
    : undefined
}

const shown = ({ of, fields }: Source): string => `${fields.join(' or ')} of ${of}`

function isFrom(plan: Plan, source: string, { of, fields }: Source): boolean {
  if (!fields.includes(lastOf(source))) return false
  const [kind, step] = source.split('.')
  if (kind === 'input') return of === 'input'
  return stepsOf(plan, of).some((one) => one.step === step)
}

/** A value counts wherever the builder reads it: in rules, in what a call is for, in a mapping. */
function nameProblems(plan: Plan, { names = [], namesNot = [] }: Wanted): string[] {
  const text = [
    ...plan.rules,
    ...plan.actions.map(({ purpose }) => purpose),
    ...plan.mappings.map(({ transform }) => transform ?? ''),
  ].join('\n')
  const has = (value: string) => new RegExp(`(?<![\\d.,])${value}(?![\\d])(?![.,]\\d*[1-9])`).test(text)
  return [
    ...names.filter((value) => !has(value)).map((value) => `no rule names ${value}`),
    ...namesNot.filter(has).map((value) => `a rule names ${value}, which nobody said`),
  ]
}
