import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition, Pagination } from '../action-definition.ts'
import { findPageFields, type PageFields } from './page-fields.ts'
import { findPageParameters, type PageParameters } from './page-parameters.ts'

const IDEMPOTENCY_HEADER = /^(x-)?idempotency-key$/i
const SEARCH = /(^|[_/-])(search|query|list|find|filter)/i

/**
 * The action with what its parameters and its response show about pages, and the header of an idempotency key.
 * A guess is only made where both the parameter and the list in the response are there.
 */
export function withPagination(
  action: ActionDefinition,
  schemas: Record<string, JsonSchema>,
  hasLinkHeader: boolean,
): ActionDefinition {
  const header = action.parameters.find(
    (parameter) => parameter.in === 'header' && IDEMPOTENCY_HEADER.test(parameter.name),
  )
  const pagination = guessPagination(action, schemas, hasLinkHeader)
  return {
    ...action,
    ...(pagination === undefined ? {} : { pagination }),
    ...(header === undefined ? {} : withIdempotencyHeader(action, header)),
  }
}

/** The runtime makes a key where the input has none, so the input need not have one. */
function withIdempotencyHeader(action: ActionDefinition, header: { name: string; inputKey: string }) {
  const required = action.inputSchema.required
  return {
    idempotencyHeader: header.name,
    parameters: action.parameters.map((parameter) =>
      parameter.inputKey === header.inputKey ? { ...parameter, required: false } : parameter,
    ),
    inputSchema: {
      ...action.inputSchema,
      required: Array.isArray(required) ? required.filter((key) => key !== header.inputKey) : [],
    },
  }
}

function guessPagination(
  action: ActionDefinition,
  schemas: Record<string, JsonSchema>,
  hasLinkHeader: boolean,
): Pagination | undefined {
  const isSearch = action.method === 'POST' && SEARCH.test(`${action.path} ${action.slug}`)
  if (action.method !== 'GET' && !isSearch) return undefined
  const fields = findPageFields(action, schemas)
  if (fields === undefined) return undefined
  const parameters = findPageParameters(action, schemas)
  const size = parameters.size === undefined ? {} : { sizeParameter: parameters.size }
  return (
    byCursor(parameters, fields, size) ??
    byLink(parameters, fields, size, hasLinkHeader) ??
    byNumber(parameters, fields, size)
  )
}

type Size = { sizeParameter?: string }

function byCursor(parameters: PageParameters, fields: PageFields, size: Size): Pagination | undefined {
  const { items, hasMore } = fields
  const more = hasMore === undefined ? {} : { hasMore }
  const cursor = parameters.cursor ?? parameters.pageToken
  if (cursor !== undefined && fields.nextCursor !== undefined) {
    return { type: 'cursor', parameter: cursor, ...size, next: fields.nextCursor, items, ...more }
  }
  // Stripe's way: the id of the last item is the cursor.
  const after = parameters.after
  if (after === undefined || hasMore === undefined || !fields.itemsHaveId) return undefined
  const next = items === '' ? '-1.id' : `${items}.-1.id`
  return { type: 'cursor', parameter: after, ...size, next, items, ...more }
}

function byLink(
  parameters: PageParameters,
  fields: PageFields,
  size: Size,
  hasLinkHeader: boolean,
): Pagination | undefined {
  const { items, nextUrl } = fields
  const asks = Object.values(parameters).some((key) => typeof key === 'string')
  if (nextUrl !== undefined && asks) return { type: 'link', ...size, next: nextUrl, items }
  return hasLinkHeader && asks ? { type: 'link', ...size, items } : undefined
}

function byNumber(parameters: PageParameters, fields: PageFields, size: Size): Pagination | undefined {
  const { items, hasMore } = fields
  const more = hasMore === undefined ? {} : { hasMore }
  const { page, offset, firstPage } = parameters
  // An offset without a size says little: `start` may be a date as well.
  if (offset !== undefined && parameters.size !== undefined) {
    return { type: 'offset', parameter: offset, ...size, items, ...more }
  }
  if (page === undefined) return undefined
  return {
    type: 'page',
    parameter: page,
    ...size,
    ...(firstPage === undefined ? {} : { firstPage }),
    items,
    ...more,
  }
}
