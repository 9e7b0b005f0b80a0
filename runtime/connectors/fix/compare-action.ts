import { isDeepStrictEqual } from 'node:util'
import type { ActionBody, ActionDefinition } from '../action-definition.ts'
import type { Aspect } from './evidence.ts'
import { type Difference, mendInputs } from './mend-inputs.ts'
import { portableSchema, type Schemas, sameRules } from './portable-schema.ts'
import { type Alignment, alignInputs, type WireInput, wireInputs } from './wire-inputs.ts'

export interface ComparedAspect {
  aspect: Aspect
  differences: Difference[]
  /** The action with this aspect as the description has it. */
  mend(action: ActionDefinition): ActionDefinition
}

export interface ComparedSides {
  reference: ActionDefinition
  theirs: Schemas
  ours: Schemas
  /** Base URLs of the two connectors. */
  baseUrls: { theirs: string; ours: string }
  /** Slugs of the connector's auth methods. */
  authSlugs: readonly string[]
}

/** What about an action is not as the description says, aspect by aspect; aspects that agree are left out. */
export function compareAction(action: ActionDefinition, sides: ComparedSides): ComparedAspect[] {
  const aligned = alignInputs(wireInputs(action), wireInputs(sides.reference))
  return [
    addressOf(action, aligned, sides),
    authOf(action, sides),
    inputsOf(action, aligned, sides),
    outputOf(action, sides),
    paginationOf(action, aligned, sides),
  ].filter(({ differences }) => differences.length > 0)
}

const sure = (where: string, what: string): Difference => ({ where, what, certainty: 1 })

/** Method, base URL, path, and the inputs that are in the path on either side. */
function addressOf(action: ActionDefinition, aligned: Alignment, sides: ComparedSides): ComparedAspect {
  const { reference, baseUrls } = sides
  const chosen = inPath(aligned)
  const own = reference.baseUrl === baseUrls.ours ? undefined : reference.baseUrl
  const wrongBase = (action.baseUrl ?? baseUrls.ours) !== (reference.baseUrl ?? baseUrls.theirs)
  // Without a base URL of its own, the connector's is what is wrong, for all of its actions.
  const wrongOwnBase = wrongBase && (action.baseUrl !== undefined || reference.baseUrl !== undefined)
  const differences = [
    ...(action.method === reference.method ? [] : [sure('/method', `the method is ${reference.method}`)]),
    ...(action.path === reference.path ? [] : [sure('/path', `the path is ${reference.path}`)]),
    ...(wrongOwnBase ? [sure('/baseUrl', `the base URL is ${reference.baseUrl ?? baseUrls.theirs}`)] : []),
    ...mendInputs(action, chosen, sides).differences,
  ]
  return {
    aspect: 'address',
    differences,
    mend(before) {
      const { baseUrl, ...rest } = mendInputs(before, chosen, sides).action
      const kept = wrongOwnBase ? own : baseUrl
      return {
        ...rest,
        method: reference.method,
        path: reference.path,
        ...(kept === undefined ? {} : { baseUrl: kept }),
      }
    },
  }
}

function authOf(action: ActionDefinition, { reference, authSlugs }: ComparedSides): ComparedAspect {
  const wanted = reference.auth?.filter((slug) => authSlugs.includes(slug))
  // Methods that our connector does not have are not asked for; a public call is.
  const known = reference.auth?.length === 0 ? [] : wanted?.length === 0 ? undefined : wanted
  const same = isDeepStrictEqual(action.auth?.toSorted(), known?.toSorted())
  return {
    aspect: 'auth',
    differences: same
      ? []
      : [
          sure(
            '/auth',
            known === undefined ? 'it needs credentials' : `it takes ${known.join(', ') || 'no credentials'}`,
          ),
        ],
    mend: ({ auth: _old, ...rest }) => (known === undefined ? rest : { ...rest, auth: known }),
  }
}

function inputsOf(action: ActionDefinition, aligned: Alignment, sides: ComparedSides): ComparedAspect {
  const { reference } = sides
  const isInPath = (input: WireInput) => input.place === 'path'
  const extra = aligned.extra.filter((input) => !isInPath(input))
  const missing = aligned.missing.filter((input) => !isInPath(input))
  // A field of the body that the description does not know: the body is built in another way.
  const rebuilt = extra.some(({ place }) => place === 'body') || action.body?.mode !== reference.body?.mode
  const chosen: Alignment = {
    pairs: aligned.pairs.filter((pair) => !isInPath(pair.ours) && !isInPath(pair.theirs)),
    extra: rebuilt ? extra.filter(({ place }) => place === 'body') : [],
    missing: missing.filter(({ place, required }) => required || (rebuilt && place === 'body')),
  }
  const inputs = mendInputs(action, chosen, sides)
  const form = formDifferences(action.body, reference.body)
  return {
    aspect: 'inputs',
    differences: [...inputs.differences, ...form],
    mend(before) {
      const mended = mendInputs(before, chosen, sides).action
      if (form.length === 0 && !rebuilt) return mended
      const { body, ...rest } = mended
      return reference.body === undefined ? rest : { ...rest, body: bodyLike(reference.body, body, aligned) }
    },
  }
}

function formDifferences(ours: ActionBody | undefined, theirs: ActionBody | undefined): Difference[] {
  if (ours === undefined && theirs === undefined) return []
  if (theirs === undefined) return [sure('/body', 'there is no body')]
  if (ours === undefined) return [sure('/body', 'there is a body')]
  const fields = ['contentType', 'mode', 'required', 'alternatives', 'xml', 'encoding'] as const
  return fields
    .filter((field) => !isDeepStrictEqual(ours[field], theirs[field]))
    .map((field) =>
      sure(`/body/${field}`, `the body has ${field} ${JSON.stringify(theirs[field]) ?? 'unset'}`),
    )
}

/** The description's body, with the keys that our input has for its fields. */
function bodyLike(theirs: ActionBody, ours: ActionBody | undefined, aligned: Alignment): ActionBody {
  const { properties: _names, inputKey: theirKey, ...rest } = theirs
  if (theirs.mode === 'whole') {
    const key = aligned.pairs.find((pair) => pair.theirs.place === 'body')?.ours.key ?? theirKey
    return { ...rest, ...(key === undefined ? {} : { inputKey: key }) }
  }
  return { ...rest, ...(ours?.properties === undefined ? {} : { properties: ours.properties }) }
}

function outputOf(action: ActionDefinition, { reference, theirs, ours }: ComparedSides): ComparedAspect {
  const wanted =
    reference.outputSchema === undefined ? undefined : portableSchema(reference.outputSchema, theirs, ours)
  return {
    aspect: 'output',
    differences:
      wanted === undefined || sameRules(action.outputSchema, wanted)
        ? []
        : [sure('/outputSchema', 'the answer has another form')],
    mend: (before) => (wanted === undefined ? before : { ...before, outputSchema: wanted }),
  }
}

function paginationOf(action: ActionDefinition, aligned: Alignment, sides: ComparedSides): ComparedAspect {
  const { pagination } = sides.reference
  const ourKey = (key: string) => aligned.pairs.find(({ theirs }) => theirs.key === key)?.ours.key ?? key
  const wanted =
    pagination === undefined
      ? undefined
      : {
          ...pagination,
          ...('parameter' in pagination ? { parameter: ourKey(pagination.parameter) } : {}),
          ...(pagination.sizeParameter === undefined
            ? {}
            : { sizeParameter: ourKey(pagination.sizeParameter) }),
        }
  return {
    aspect: 'pagination',
    // What is guessed of a description is no reason to take away what a person has set.
    differences:
      wanted === undefined || isDeepStrictEqual(action.pagination, wanted)
        ? []
        : [sure('/pagination', `pages follow each other by ${wanted.type}`)],
    mend: (before) => (wanted === undefined ? before : { ...before, pagination: wanted }),
  }
}

function inPath({ pairs, extra, missing }: Alignment): Alignment {
  const isInPath = (input: WireInput) => input.place === 'path'
  return {
    pairs: pairs.filter((pair) => isInPath(pair.ours) || isInPath(pair.theirs)),
    extra: extra.filter(isInPath),
    missing: missing.filter(isInPath),
  }
}
