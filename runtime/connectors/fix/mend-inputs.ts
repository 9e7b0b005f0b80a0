import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isSchemaObject } from '../json-schema.ts'
import { portableSchema, type Schemas, sameRules } from './portable-schema.ts'
import type { Alignment, InputPair, WireInput } from './wire-inputs.ts'

/** One thing that is not as the description says. */
export interface Difference {
  /** JSON pointer into the action. */
  where: string
  what: string
  /** 0 to 1: how sure it is that the same thing is compared. */
  certainty: number
}

interface Sides {
  reference: ActionDefinition
  /** The shared schemas of the description, and of our connector. */
  theirs: Schemas
  ours: Schemas
}

/**
 * The action with its inputs sent as the description says: name, place, style, type, and whether they are required.
 * Keys of the input stay, so that callers go on as they do.
 * @param chosen which inputs are looked at; the others stay as they are
 */
export function mendInputs(
  action: ActionDefinition,
  chosen: Alignment,
  { reference, theirs, ours }: Sides,
): { action: ActionDefinition; differences: Difference[] } {
  const differences: Difference[] = []
  const draft = draftOf(action)
  const adopt = (key: string, input: WireInput) => {
    if (input.parameter !== undefined) draft.setParameter(key, { ...input.parameter, inputKey: key })
    else draft.setBodyName(key, input.name)
    draft.properties[key] = portableSchema(input.schema, theirs, ours)
    if (input.required) draft.required.add(key)
  }
  for (const { ours: mine, theirs: other, certainty } of chosen.pairs) {
    const wanted = portableSchema(other.schema, theirs, ours)
    const found = differencesOf({ ours: mine, theirs: other, certainty }, sameRules(mine.schema, wanted))
    if (found.length === 0) continue
    differences.push(...found)
    adopt(mine.key, other)
    if (sameRules(mine.schema, wanted)) draft.properties[mine.key] = mine.schema
  }
  for (const input of chosen.extra) {
    differences.push({
      where: '/inputSchema/properties',
      what: `${nameOf(input)} is not in the description`,
      certainty: 0.8,
    })
    draft.remove(input.key)
  }
  for (const input of chosen.missing) {
    const key = draft.freeKey(input)
    differences.push({
      where: '/inputSchema/properties',
      what: `${nameOf(input)}${input.required ? ', which is required,' : ''} is missing`,
      certainty: 0.9,
    })
    adopt(key, input)
  }
  return { action: differences.length === 0 ? action : draft.finish(reference), differences }
}

const nameOf = ({ place, name }: WireInput): string =>
  name === '' ? 'the body' : `the ${place === 'body' ? 'field of the body' : `${place} parameter`} '${name}'`

function differencesOf({ ours, theirs, certainty }: InputPair, sameSchema: boolean): Difference[] {
  const at = `/inputSchema/properties/${ours.key.replaceAll('~', '~0').replaceAll('/', '~1')}`
  const found: string[] = []
  if (ours.place !== theirs.place)
    found.push(`is sent in the ${ours.place}, and belongs in the ${theirs.place}`)
  if (ours.name !== theirs.name) found.push(`is called '${theirs.name}'`)
  if (theirs.required && !ours.required) found.push('is required')
  if (!sameSchema) found.push('has another type or other values')
  const [mine, other] = [ours.parameter, theirs.parameter]
  if (mine !== undefined && other !== undefined) {
    const keys = ['style', 'explode', 'allowReserved', 'contentType'] as const
    for (const key of keys)
      if (mine[key] !== other[key]) found.push(`has ${key} ${String(other[key] ?? 'unset')}`)
  }
  return found.map((what) => ({ where: at, what: `${nameOf(ours)} ${what}`, certainty }))
}

/** The parts of an action that its inputs are spread over, to be changed together. */
function draftOf(action: ActionDefinition) {
  const { inputSchema, body } = action
  const parameters = [...action.parameters]
  const properties = { ...(isSchemaObject(inputSchema.properties) ? inputSchema.properties : {}) } as Record<
    string,
    JsonSchema
  >
  const had = Array.isArray(inputSchema.required) ? inputSchema.required.map(String) : []
  const required = new Set(had)
  const bodyNames = new Map(Object.entries(body?.properties ?? {}))
  const dropParameter = (key: string) => {
    const index = parameters.findIndex(({ inputKey }) => inputKey === key)
    if (index >= 0) parameters.splice(index, 1)
  }
  return {
    properties,
    required,
    setParameter(key: string, parameter: ActionDefinition['parameters'][number]) {
      const index = parameters.findIndex(({ inputKey }) => inputKey === key)
      if (index >= 0) parameters[index] = parameter
      else parameters.push(parameter)
      bodyNames.delete(key)
    },
    setBodyName(key: string, name: string) {
      dropParameter(key)
      if (name === key || name === '') bodyNames.delete(key)
      else bodyNames.set(key, name)
    },
    remove(key: string) {
      dropParameter(key)
      delete properties[key]
      required.delete(key)
      bodyNames.delete(key)
    },
    freeKey({ key, place }: WireInput): string {
      for (let free = key, turn = 1; ; turn += 1, free = `${place}_${key}${turn > 2 ? turn : ''}`)
        if (!Object.hasOwn(properties, free)) return free
    },
    finish(reference: ActionDefinition): ActionDefinition {
      const { properties: _names, ...rest } = body ??
        reference.body ?? { contentType: '', mode: 'merge', required: false }
      const hasBody = body !== undefined || reference.body !== undefined
      return {
        ...action,
        parameters,
        ...(hasBody
          ? {
              body: {
                ...rest,
                ...(bodyNames.size === 0 ? {} : { properties: Object.fromEntries(bodyNames) }),
              },
            }
          : {}),
        inputSchema: { ...inputSchema, properties, ...requiredList(inputSchema, had, required) },
      }
    },
  }
}

/** In its order, and absent where it was absent and is empty. */
const requiredList = (schema: Record<string, unknown>, had: string[], now: Set<string>) =>
  now.size === 0 && schema.required === undefined
    ? {}
    : { required: [...had.filter((key) => now.has(key)), ...[...now].filter((key) => !had.includes(key))] }
