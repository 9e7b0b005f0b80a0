import {
  bodyKeys,
  isSchema,
  type Mutator,
  propertiesOf,
  requiredOf,
  resolved,
  withInput,
} from './mutation.ts'

const JSON_TYPE = 'application/json'
const FORM = 'application/x-www-form-urlencoded'

/** The body is sent as another type. */
export const mutateContentType: Mutator = ({ action }, random) => {
  const { body } = action
  if (body === undefined) return undefined
  const others = [JSON_TYPE, FORM, 'multipart/form-data', 'application/vnd.api+json'].filter(
    (type) => !body.contentType.startsWith(type),
  )
  const contentType = random.pick(others)
  if (contentType === undefined) return undefined
  return {
    variant: `${body.contentType} to ${contentType}`,
    where: '/body/contentType',
    before: body.contentType,
    after: contentType,
    broken: { ...action, body: { ...body, contentType } },
  }
}

/** The fields of the body are in an envelope they were not in, or no longer in the one they were in. */
export const mutateNesting: Mutator = (target, random) => {
  const { action } = target
  const keys = bodyKeys(action)
  if (action.body === undefined || keys.length === 0) return undefined
  const properties = propertiesOf(action)
  const required = requiredOf(action)
  const outside = Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)))
  const [only, another] = keys
  const inner = only === undefined || another !== undefined ? {} : resolved(target, properties[only])
  if (only !== undefined && isSchema(inner.properties)) {
    const clash = Object.keys(inner.properties).some((key) => Object.hasOwn(outside, key))
    if (!clash) {
      const innerRequired = Array.isArray(inner.required) ? inner.required.map(String) : []
      return {
        variant: 'envelope lost',
        where: '/inputSchema/properties',
        before: only,
        after: Object.keys(inner.properties),
        broken: withInput(action, { ...outside, ...inner.properties }, [...required, ...innerRequired]),
      }
    }
  }
  const envelope = random.pick(
    ['data', 'payload', 'attributes', 'object'].filter((name) => !Object.hasOwn(properties, name)),
  )
  if (envelope === undefined) return undefined
  const wrapped = {
    type: 'object',
    properties: Object.fromEntries(
      keys.map((key) => [action.body?.properties?.[key] ?? key, properties[key]]),
    ),
    required: keys
      .filter((key) => required.includes(key))
      .map((key) => action.body?.properties?.[key] ?? key),
  }
  const { properties: _names, ...body } = action.body
  return {
    variant: 'envelope added',
    where: '/inputSchema/properties',
    before: keys,
    after: envelope,
    broken: { ...withInput(action, { ...outside, [envelope]: wrapped }, [...required, envelope]), body },
  }
}
