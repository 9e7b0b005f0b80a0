import type { Pagination } from '../../runtime/connectors/action-definition.ts'
import { isSchema, type Mutator, propertiesOf, renamed, resolved, type Target } from './mutation.ts'
import { wordsIn } from './names.ts'

/** How pages follow each other is taken down wrong: the list, the next page, or the way itself. */
export const mutatePagination: Mutator = ({ action }, random) => {
  const { pagination } = action
  if (pagination === undefined) return undefined
  const ways: [string, Pagination][] = [
    ['items', { ...pagination, items: pagination.items === '' ? 'items' : `${pagination.items}_list` }],
  ]
  if (pagination.type === 'cursor') {
    ways.push(['next', { ...pagination, next: `paging.${pagination.next}` }])
    const { next: _next, ...rest } = pagination
    ways.push(['cursor to page', { ...rest, type: 'page' }])
  }
  if (pagination.type === 'page') ways.push(['page to offset', asOffset(pagination)])
  if (pagination.type === 'offset') ways.push(['offset to page', { ...pagination, type: 'page' }])
  if ('parameter' in pagination) {
    const other = random.pick(
      Object.keys(propertiesOf(action)).filter(
        (key) => key !== pagination.parameter && key !== pagination.sizeParameter,
      ),
    )
    if (other !== undefined) ways.push(['parameter', { ...pagination, parameter: other }])
  }
  const [variant, after] = random.pick(ways) ?? ['items', pagination]
  return {
    variant,
    where: '/pagination',
    before: pagination,
    after,
    broken: { ...action, pagination: after },
  }
}

function asOffset({ firstPage: _first, ...rest }: Extract<Pagination, { type: 'page' }>): Pagination {
  return { ...rest, type: 'offset' }
}

const OTHER_TYPE: Record<string, string> = {
  string: 'integer',
  integer: 'string',
  number: 'string',
  boolean: 'string',
  array: 'object',
  object: 'array',
}

/** The answer is described otherwise than it comes: a type, a field that is required, or an envelope. */
export const mutateResponse: Mutator = (target, random) => {
  const { action } = target
  if (action.outputSchema === undefined) return undefined
  const root = resolved(target, action.outputSchema)
  const isList = root.type === 'array' && root.items !== undefined
  const part = isList ? resolved(target, root.items) : root
  const changed = changeObject(target, part, random)
  const wrapped = { type: 'object', properties: { result: action.outputSchema }, required: ['result'] }
  const whole = random.next() < 0.2 || changed === undefined
  const after = whole ? wrapped : isList ? { ...root, items: changed.schema } : changed.schema
  return {
    variant: whole ? 'envelope' : changed.variant,
    where: '/outputSchema',
    before: action.outputSchema,
    after,
    broken: { ...action, outputSchema: after },
  }
}

function changeObject(
  target: Target,
  schema: Record<string, unknown>,
  random: { pick<T>(list: readonly T[]): T | undefined },
): { schema: Record<string, unknown>; variant: string } | undefined {
  const { properties } = schema
  if (!isSchema(properties)) return undefined
  const key = random.pick(Object.keys(properties))
  if (key === undefined) return undefined
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  const before = resolved(target, properties[key])
  const other = OTHER_TYPE[String(Array.isArray(before.type) ? before.type[0] : before.type)]
  const oldName = [...wordsIn(key), 'name'].join('_')
  return random.pick([
    ...(other === undefined
      ? []
      : [{ variant: 'type', schema: { ...schema, properties: { ...properties, [key]: { type: other } } } }]),
    {
      variant: 'renamed field',
      schema: {
        ...schema,
        properties: renamed(properties, key, oldName),
        required: [...required.filter((one) => one !== key), oldName],
      },
    },
    { variant: 'required field', schema: { ...schema, required: [...required, `${oldName}_id`] } },
  ])
}
