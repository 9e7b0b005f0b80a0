import { AppError } from '../../../core/errors.ts'
import { type Documents, type Place, placeKey } from './documents.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer, stringsAt, textAt } from './nodes.ts'

/** The properties of an object body, one level deep, each still where the document has it. */
export interface FlatBody {
  properties: Map<string, Place>
  required: Set<string>
  /** `additionalProperties`, where the document says something about it. */
  additional: Place | boolean | undefined
  /** Groups of alternatives, of which each needs one: all properties of one list are there. */
  alternatives: string[][][]
  /** What the flat form cannot say, in words. */
  notes: string[]
}

/** Parts that one object is put together from; more are not flattened, and stay as they are. */
const MAX_PARTS = 200

/**
 * The object described by `place`, if it is one whose properties can stand for themselves: an object, or
 * an `allOf` of objects. Alternatives (`oneOf`, `anyOf`) that only differ in what they require are dropped
 * with a note; other alternatives, maps without named properties and unresolvable references give undefined.
 */
export function flattenBody(documents: Documents, place: Place): FlatBody | undefined {
  const flat: FlatBody = {
    properties: new Map(),
    required: new Set(),
    additional: undefined,
    alternatives: [],
    notes: [],
  }
  const merged = merge(documents, place, flat, new Set())
  return merged && flat.properties.size > 0 ? flat : undefined
}

function merge(documents: Documents, start: Place, flat: FlatBody, path: Set<string>): boolean {
  const place = resolve(documents, start)
  if (place === undefined || !isNode(place.node)) return false
  const key = placeKey(place)
  if (path.has(key)) return true
  if (path.size >= MAX_PARTS) return false
  path.add(key)

  const { node } = place
  const types = own(node, 'type')
  const isObject =
    types === undefined || types === 'object' || (Array.isArray(types) && types.includes('object'))
  if (!isObject || Object.hasOwn(node, 'const') || Object.hasOwn(node, 'enum')) return false
  const at = (...tokens: (string | number)[]) => ({
    file: place.file,
    pointer: pointer(place.pointer, ...tokens),
  })

  for (const [index, part] of listAt(node, 'allOf').entries()) {
    if (!merge(documents, { node: part, ...at('allOf', index) }, flat, path)) return false
  }
  for (const keyword of ['oneOf', 'anyOf'] as const) {
    const alternatives = listAt(node, keyword)
    const [only] = alternatives
    if (alternatives.length === 1 && only !== undefined) {
      if (!merge(documents, { node: only, ...at(keyword, 0) }, flat, path)) return false
    } else if (alternatives.length > 0 && !dropRequirements(alternatives, keyword, flat)) return false
  }
  for (const [name, property] of Object.entries(nodeAt(node, 'properties') ?? {})) {
    if (flat.properties.has(name) && own(node, 'allOf') === undefined && path.size > 1) {
      flat.notes.push(`'${name}' is described twice in allOf; the last description is used`)
    }
    flat.properties.set(name, { node: property, ...at('properties', name) })
  }
  for (const name of stringsAt(node, 'required')) flat.required.add(name)
  const additional = own(node, 'additionalProperties')
  if (typeof additional === 'boolean') flat.additional ??= additional
  else if (isNode(additional)) flat.additional = { node: additional, ...at('additionalProperties') }
  if (nodeAt(node, 'patternProperties') !== undefined) flat.additional ??= true
  return true
}

function resolve(documents: Documents, place: Place): Place | undefined {
  try {
    return documents.follow(place)
  } catch (error) {
    // The reference itself is reported when it is converted; here it only means "not an object".
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** Alternatives such as `anyOf: [{required: [a]}, {required: [b]}]`: which fields are needed, not what they are. */
function dropRequirements(alternatives: unknown[], keyword: 'oneOf' | 'anyOf', flat: FlatBody): boolean {
  const sets: string[][] = []
  for (const alternative of alternatives) {
    if (!isNode(alternative)) return false
    const meaningful = Object.keys(alternative).filter((key) => !ANNOTATIONS.has(key))
    const objectOnly = meaningful.every(
      (key) => key === 'required' || (key === 'type' && isObjectType(alternative)),
    )
    if (!objectOnly) return false
    sets.push(stringsAt(alternative, 'required'))
  }
  if (sets.every((set) => set.length > 0)) flat.alternatives.push(sets)
  flat.notes.push(
    `${keyword === 'oneOf' ? 'exactly one' : 'at least one'} of these is needed: ${sets.map((set) => set.join(' and ') || 'nothing more').join('; or ')}`,
  )
  return true
}

const ANNOTATIONS = new Set(['title', 'description', 'example', 'examples', 'not'])
const isObjectType = (node: Node): boolean => textAt(node, 'type') === 'object'
