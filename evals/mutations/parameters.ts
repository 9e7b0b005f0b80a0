import type { ActionDefinition, ActionParameter } from '../../runtime/connectors/action-definition.ts'
import {
  bodyKeys,
  isSchema,
  type Mutator,
  propertiesOf,
  renamed,
  requiredOf,
  resolved,
  withInput,
  without,
} from './mutation.ts'
import { otherName } from './names.ts'

const outsidePath = ({ parameters }: ActionDefinition) =>
  parameters.filter(({ in: place }) => place !== 'path')

/** A query parameter, header or field of the body is called otherwise, in the request alone or in the input too. */
export const mutateName: Mutator = ({ action }, random) => {
  const properties = propertiesOf(action)
  const keys = [...outsidePath(action).map(({ inputKey }) => inputKey), ...bodyKeys(action)]
  const key = random.pick(keys)
  if (key === undefined) return undefined
  const parameter = action.parameters.find(({ inputKey }) => inputKey === key)
  const name = parameter?.name ?? action.body?.properties?.[key] ?? key
  const taken = new Set([...Object.keys(properties), ...action.parameters.map((one) => one.name)])
  const other = otherName(name, taken, random)
  if (other === undefined) return undefined
  const inInput = random.next() < 0.5
  const newKey = inInput ? other.replace(/[^A-Za-z0-9_.-]/g, '_') : key
  const shared = { before: name, after: other }
  const withKey = withInput(
    action,
    renamed(properties, key, newKey),
    requiredOf(action).map((one) => (one === key ? newKey : one)),
  )
  const variant = `${parameter?.in ?? 'body'}${inInput ? ', with its key' : ''}`
  if (parameter !== undefined) {
    const index = action.parameters.indexOf(parameter)
    const changed = { ...parameter, name: other, inputKey: newKey }
    const broken = { ...withKey, parameters: action.parameters.with(index, changed) }
    return { variant, where: `/parameters/${index}/name`, ...shared, broken }
  }
  if (action.body === undefined) return undefined
  const { properties: names, ...body } = action.body
  const others = without(names ?? {}, key)
  const mapped = newKey === other ? others : { ...others, [newKey]: other }
  return {
    variant,
    where: '/body',
    ...shared,
    broken: {
      ...withKey,
      body: { ...body, ...(Object.keys(mapped).length === 0 ? {} : { properties: mapped }) },
    },
  }
}

const asPlaced = (parameter: ActionParameter, place: ActionParameter['in']): ActionParameter => {
  const style = place === 'query' || place === 'cookie' ? 'form' : 'simple'
  return { ...parameter, in: place, style, explode: style === 'form' }
}

/** A value travels in another place: query, header, path or body. */
export const mutatePlace: Mutator = ({ action }, random) => {
  const candidates = random.shuffled([
    ...action.parameters.map(({ inputKey }) => inputKey),
    ...bodyKeys(action),
  ])
  for (const key of candidates) {
    const index = action.parameters.findIndex(({ inputKey }) => inputKey === key)
    const parameter = action.parameters[index]
    if (parameter === undefined) {
      const moved: ActionParameter = {
        name: action.body?.properties?.[key] ?? key,
        in: 'query',
        inputKey: key,
        required: requiredOf(action).includes(key),
        style: 'form',
        explode: true,
      }
      return {
        variant: 'body to query',
        where: '/parameters',
        before: 'body',
        after: 'query',
        broken: { ...action, parameters: [...action.parameters, moved] },
      }
    }
    if (parameter.in === 'path') {
      const path = action.path.replace(`/{${parameter.name}}`, '')
      if (path === action.path || path === '') continue
      return {
        variant: 'path to query',
        where: `/parameters/${index}/in`,
        before: 'path',
        after: 'query',
        broken: { ...action, path, parameters: action.parameters.with(index, asPlaced(parameter, 'query')) },
      }
    }
    const toBody = action.body?.mode === 'merge' && random.next() < 0.4
    const place = parameter.in === 'query' ? 'header' : 'query'
    const parameters = toBody
      ? action.parameters.toSpliced(index, 1)
      : action.parameters.with(index, asPlaced(parameter, place))
    const after = toBody ? 'body' : place
    return {
      variant: `${parameter.in} to ${after}`,
      where: `/parameters/${index}/in`,
      before: parameter.in,
      after,
      broken: { ...action, parameters },
    }
  }
  return undefined
}

const OTHER_TYPES: Record<string, object[]> = {
  integer: [{ type: 'string' }, { type: 'boolean' }],
  number: [{ type: 'string' }, { type: 'boolean' }],
  boolean: [{ type: 'string' }, { type: 'integer' }],
  string: [
    { type: 'integer' },
    { type: 'object', properties: {} },
    { type: 'array', items: { type: 'integer' } },
  ],
  array: [{ type: 'string' }, { type: 'integer' }],
  object: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
}

/** A value has another type. */
export const mutateType: Mutator = (target, random) => {
  const { action } = target
  const properties = propertiesOf(action)
  for (const key of random.shuffled(Object.keys(properties))) {
    const before = resolved(target, properties[key])
    const type = Array.isArray(before.type) ? before.type[0] : before.type
    const other = random.pick(OTHER_TYPES[String(type)] ?? [])
    if (other === undefined) continue
    const words = typeof before.description === 'string' ? { description: before.description } : {}
    const after = { ...other, ...words }
    return {
      variant: `${String(type)} to ${String((other as { type: string }).type)}`,
      where: `/inputSchema/properties/${key}`,
      before: properties[key],
      after,
      broken: withInput(action, { ...properties, [key]: after }),
    }
  }
  return undefined
}

/** What the API requires is no longer asked for. */
export const mutateRequired: Mutator = ({ action }, random) => {
  const inPath = new Set(action.parameters.filter((one) => one.in === 'path').map(({ inputKey }) => inputKey))
  const key = random.pick(requiredOf(action).filter((one) => !inPath.has(one)))
  if (key === undefined) return undefined
  const broken = withInput(
    action,
    propertiesOf(action),
    requiredOf(action).filter((one) => one !== key),
  )
  return {
    variant: action.parameters.some(({ inputKey }) => inputKey === key) ? 'parameter' : 'body',
    where: '/inputSchema/required',
    before: key,
    after: null,
    broken: {
      ...broken,
      parameters: action.parameters.map((one) => (one.inputKey === key ? { ...one, required: false } : one)),
    },
  }
}

/** What the API requires is not there at all. */
export const mutateMissing: Mutator = ({ action }, random) => {
  const inPath = new Set(action.parameters.filter((one) => one.in === 'path').map(({ inputKey }) => inputKey))
  const key = random.pick(requiredOf(action).filter((one) => !inPath.has(one)))
  if (key === undefined) return undefined
  const parameter = action.parameters.find(({ inputKey }) => inputKey === key)
  return {
    variant: parameter?.in ?? 'body',
    where: `/inputSchema/properties/${key}`,
    before: propertiesOf(action)[key],
    after: null,
    broken: {
      ...withInput(action, without(propertiesOf(action), key)),
      parameters: action.parameters.filter((one) => one !== parameter),
    },
  }
}

/** Values of an enum that the API no longer takes. */
export const mutateEnum: Mutator = (target, random) => {
  const { action } = target
  const properties = propertiesOf(action)
  const withEnum = Object.keys(properties).filter(
    (key) => enumIn(resolved(target, properties[key])) !== undefined,
  )
  const key = random.pick(withEnum)
  if (key === undefined) return undefined
  const schema = resolved(target, properties[key])
  const values = (enumIn(schema) ?? []).map(String)
  const after = random.pick([
    values.map((value) => (value === value.toUpperCase() ? value.toLowerCase() : value.toUpperCase())),
    values.map((value) => `${value}_old`),
    [`legacy_${values[0] ?? 'value'}`, ...values],
  ])
  const changed = isSchema(schema.items)
    ? { ...schema, items: { ...schema.items, enum: after } }
    : { ...schema, enum: after }
  return {
    variant: isSchema(schema.items) ? 'of a list' : 'value',
    where: `/inputSchema/properties/${key}`,
    before: values,
    after,
    broken: withInput(action, { ...properties, [key]: changed }),
  }
}

function enumIn(schema: Record<string, unknown>): unknown[] | undefined {
  const list = isSchema(schema.items) && schema.enum === undefined ? schema.items.enum : schema.enum
  return Array.isArray(list) && list.length > 0 && list.every((value) => typeof value === 'string')
    ? list
    : undefined
}
