import type {
  ActionBody,
  ActionDefinition,
  ActionParameter,
} from '../../runtime/connectors/action-definition.ts'
import { bodyKeys, type Mutator, propertiesOf, resolved } from './mutation.ts'

const JSON_TYPE = 'application/json'
const FORMS = ['application/x-www-form-urlencoded', 'multipart/form-data']

interface Way {
  variant: string
  where: string
  before: unknown
  after: unknown
  broken: ActionDefinition
}

/** A value goes where it went under the name it had, but is written otherwise: as JSON, as a list or object of another style. */
export const mutateEncoding: Mutator = (target, random) => {
  const { action } = target
  const properties = propertiesOf(action)
  const typeOf = (key: string) => {
    const { type } = resolved(target, properties[key])
    return String(Array.isArray(type) ? type[0] : type)
  }
  return random.pick([
    ...action.parameters.flatMap((parameter, index) =>
      otherwise(parameter, typeOf(parameter.inputKey)).map(
        ([variant, after]): Way => ({
          variant,
          where: `/parameters/${index}`,
          before: parameter,
          after,
          broken: { ...action, parameters: action.parameters.with(index, after) },
        }),
      ),
    ),
    ...(action.body === undefined ? [] : inForm(action, action.body, typeOf)),
  ])
}

function otherwise(parameter: ActionParameter, type: string): [string, ActionParameter][] {
  const { contentType, ...styled } = parameter
  if (contentType !== undefined) return [[`${parameter.in}, no longer ${contentType}`, styled]]
  const ways: [string, ActionParameter][] = [
    [`${parameter.in}, as JSON`, { ...styled, contentType: JSON_TYPE }],
  ]
  if (parameter.in !== 'query') return ways
  if (type === 'array' || type === 'object')
    ways.push([`${type}, explode`, { ...styled, explode: !styled.explode }])
  if (type === 'array') ways.push(['array, by bars', { ...styled, style: 'pipeDelimited', explode: false }])
  if (type === 'object' && styled.style !== 'deepObject')
    ways.push(['object, in brackets', { ...styled, style: 'deepObject', explode: true }])
  return ways
}

function inForm(action: ActionDefinition, body: ActionBody, typeOf: (key: string) => string): Way[] {
  if (!FORMS.includes(body.contentType)) return []
  return bodyKeys(action).flatMap((key) => {
    const name = body.properties?.[key] ?? key
    const before = body.encoding?.[name]
    const changes = [
      ...(before?.contentType === JSON_TYPE ? [] : [['as JSON', { contentType: JSON_TYPE }] as const]),
      ...(typeOf(key) === 'array'
        ? [['array, explode', { ...before, style: 'form', explode: before?.explode === false }] as const]
        : []),
    ]
    return changes.map(
      ([variant, after]): Way => ({
        variant: `form, ${variant}`,
        where: `/body/encoding/${name}`,
        before,
        after,
        broken: { ...action, body: { ...body, encoding: { ...body.encoding, [name]: after } } },
      }),
    )
  })
}
