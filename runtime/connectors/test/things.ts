import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts'
import { wordsOf } from '../fix/similarity.ts'
import type { ActionRole, KeyInput } from './roles.ts'
import { literalsOf, resourceOf } from './roles.ts'

/** Where a value of an input came from: what proves that one action depends on another. */
export interface Link {
  input: string
  /** `given`: by the caller. */
  origin: 'given' | 'created' | 'found'
  /** Slug of the action whose answer holds it; null when given. */
  from: string | null
  /** JSON pointer in that answer; null: the value that call was made with. */
  pointer: string | null
  trace: string | null
}

/** Something an answer told of. */
export interface Thing {
  from: string
  trace: string
  origin: 'created' | 'found'
  collection: string
  literals: string
  /** Words it goes by: of its collection and of the field it stands in. */
  names: string[]
  value: JsonObject
  /** Where in the answer. */
  pointer: string
  /** What the call was made with: the things it stands below. */
  input: JsonObject
  /** Deleted by the test. */
  gone: boolean
}

const MAX_THINGS = 200
const MAX_ITEMS = 3

/** What an answer tells of: the object itself, objects in its fields, and the first items of its lists. */
export function thingsIn(
  role: ActionRole,
  call: { output: Json; trace: string; input: JsonObject; origin: Thing['origin'] },
): Thing[] {
  const found: Thing[] = []
  const { output, ...rest } = call
  const add = (value: JsonObject, pointer: string, names: readonly string[]) =>
    found.push({
      from: role.slug,
      ...rest,
      collection: role.collection,
      literals: literalsOf(role.collection),
      names: [...new Set([...names, resourceOf(role.collection)])],
      value,
      pointer,
      gone: false,
    })
  const list = (items: readonly Json[], pointer: string, names: readonly string[]) => {
    for (const [index, item] of items.slice(0, MAX_ITEMS).entries())
      if (isJsonObject(item)) add(item, `${pointer}/${index}`, names)
  }
  if (Array.isArray(output)) list(output, '', [])
  if (!isJsonObject(output)) return found
  for (const [field, value] of Object.entries(output)) {
    const names = [wordsOf(field).join(' ')]
    const pointer = `/${field}`
    if (Array.isArray(value)) list(value, pointer, names)
    else if (isJsonObject(value) && identified(value)) add(value, pointer, names)
  }
  // What a list or an envelope holds is meant before the envelope; a thing is meant before what is inside it.
  const own: Thing[] = []
  if (identified(output)) {
    own.push({
      from: role.slug,
      ...rest,
      collection: role.collection,
      literals: literalsOf(role.collection),
      names: [resourceOf(role.collection)],
      value: output,
      pointer: '',
      gone: false,
    })
  }
  return [...own, ...found]
}

const IDENTIFIERS = ['id', 'uuid', 'guid', 'key', 'slug', 'number', 'name', 'login', 'ts']

const identified = (value: JsonObject): boolean => IDENTIFIERS.some((field) => isKey(value[field], 'any'))

/** Everything answers told of so far, and how inputs are filled from it. */
export interface Things {
  add(things: readonly Thing[]): void
  /** Another number whenever there is more, or less, to fill inputs from. */
  state(): number
  /** Things the test made that are still there, oldest first. */
  created(): Thing[]
  /**
   * The newest things a key may name, what was made by the test first; with `collection` only what is in it, for who
   * changes them: an id may be one of two kinds of things.
   */
  candidates(key: KeyInput, wanted: { onlyCreated: boolean; collection?: string }): Thing[]
}

export function buildThings(): Things {
  const all: Thing[] = []
  let told = 0
  return {
    state: () => told + all.filter(({ gone }) => gone).length,
    add(things) {
      all.push(...things)
      told += things.length
      const excess = all.length - MAX_THINGS
      for (let dropped = 0; dropped < excess; dropped += 1) {
        const index = all.findIndex(({ origin, gone }) => origin === 'found' || gone)
        if (index === -1) return
        all.splice(index, 1)
      }
    },
    created: () => all.filter(({ origin, gone }) => origin === 'created' && !gone),
    candidates(key, { onlyCreated, collection }) {
      const alive = all.filter(({ gone, origin }) => !gone && (!onlyCreated || origin === 'created'))
      const literals = collection === undefined ? key.literals : literalsOf(collection)
      const isSame = (thing: Thing) => literals !== '' && thing.literals === literals
      const isCalledSo = ({ names }: Thing) => key.resource !== '' && names.includes(key.resource)
      const same = alive.filter(isSame)
      const called = collection === undefined ? alive.filter((one) => !isSame(one) && isCalledSo(one)) : []
      return [...newestFirst(same), ...newestFirst(called)].filter(
        (thing) => valueFor(key, thing.value) !== undefined,
      )
    },
  }
}

// Of one answer the first thing is the one meant: an object before what is inside of it.
function newestFirst(things: readonly Thing[]): Thing[] {
  const traces = [...new Set(things.map(({ trace }) => trace))].toReversed()
  const ordered = traces.flatMap((trace) => things.filter((thing) => thing.trace === trace))
  return [
    ...ordered.filter(({ origin }) => origin === 'created'),
    ...ordered.filter(({ origin }) => origin !== 'created'),
  ]
}

/** The value of a thing that a key asks for, and where in the thing it stands. */
export function valueFor(
  key: Pick<KeyInput, 'name' | 'resource' | 'type'>,
  thing: JsonObject,
): { value: string | number; field: string } | undefined {
  const words = wordsOf(key.name)
  const rest = withoutWords(words, key.resource.split(' '))
  const entries = Object.entries(thing)
  const named = (wanted: readonly string[]) =>
    wanted.length === 0 ? [] : entries.filter(([field]) => wordsOf(field).join(' ') === wanted.join(' '))
  const fields = [
    ...named(words),
    ...named(rest),
    ...IDENTIFIERS.filter((field) => Object.hasOwn(thing, field)).map(
      (field) => [field, thing[field] as Json] as const,
    ),
  ]
  for (const [field, value] of fields) {
    if (isKey(value, key.type)) return { value, field: `/${field}` }
    if (isJsonObject(value)) {
      const inner = IDENTIFIERS.find((name) => isKey(value[name], key.type))
      if (inner !== undefined) return { value: value[inner] as string | number, field: `/${field}/${inner}` }
    }
  }
  return undefined
}

const withoutWords = (words: readonly string[], taken: readonly string[]): string[] =>
  words.filter((word) => !taken.includes(word))

function isKey(value: unknown, type: KeyInput['type']): value is string | number {
  if (typeof value === 'string') return type !== 'number' && value !== ''
  return typeof value === 'number' && type !== 'string'
}
