import type { JsonObject } from '../../../core/json.ts'
import type { ActionRole, KeyInput } from './roles.ts'
import { type Link, type Thing, type Things, valueFor } from './things.ts'

export interface FilledKeys {
  values: JsonObject
  links: Link[]
  /** The thing its own key names; undefined when it has none, or the caller named it. */
  own: Thing | undefined
}

export interface Filling {
  role: ActionRole
  /** Inputs the caller gave for this action, or for any. */
  given: JsonObject
  /** Those given for this very action. */
  meant: JsonObject
  things: Things
  /** Values the schema itself names: examples, defaults, constants. */
  known: JsonObject
}

/**
 * Fills the inputs that name things, from the last to the first: a thing brings along the inputs of the call that
 * told of it, so that an issue is looked for in the repository it was made in. What changes something names only
 * things the test made or the caller gave for it; what removes something, only things the test made.
 * @returns the keys that nothing could be found for, when there are any
 */
export function fillKeys({
  role,
  given,
  meant,
  things,
  known,
}: Filling): FilledKeys | { missing: KeyInput[] } {
  const values: JsonObject = {}
  const links: Link[] = []
  const missing: KeyInput[] = []
  const onlyCreated = role.kind !== 'read' && role.kind !== 'list'
  let own: Thing | undefined
  let below: Thing | undefined
  for (const key of role.keys.toReversed()) {
    const { inputKey } = key
    const isOwn = key === role.own
    const changes = onlyCreated && isOwn
    // What is given for all actions says below what to work, not what to change.
    const value = !changes ? given[inputKey] : role.kind === 'remove' ? undefined : meant[inputKey]
    if (value !== undefined) {
      values[inputKey] = value
      links.unshift({ input: inputKey, origin: 'given', from: null, pointer: null, trace: null })
      continue
    }
    const inherited = below?.input[inputKey]
    if (below !== undefined && inherited !== undefined) {
      values[inputKey] = inherited
      links.unshift({
        input: inputKey,
        origin: below.origin,
        from: below.from,
        pointer: null,
        trace: below.trace,
      })
      continue
    }
    const thing = things
      .candidates(key, { onlyCreated, ...(changes ? { collection: role.collection } : {}) })
      .find((one) => fitsGiven(one, role, given, key))
    const found = thing === undefined ? undefined : valueFor(key, thing.value)
    if (thing !== undefined && found !== undefined) {
      values[inputKey] = found.value
      links.unshift({
        input: inputKey,
        origin: thing.origin,
        from: thing.from,
        pointer: `${thing.pointer}${found.field}`,
        trace: thing.trace,
      })
      below ??= thing
      if (isOwn) own = thing
      continue
    }
    const told = known[inputKey]
    // An example names somebody else's thing: it may be read, never changed.
    if (told !== undefined && !onlyCreated) {
      values[inputKey] = told
      continue
    }
    missing.unshift(key)
  }
  return missing.length > 0 ? { missing } : { values, links, own }
}

/** A thing made below another parent than the caller names is not the one that is meant. */
const fitsGiven = (thing: Thing, { keys }: ActionRole, given: JsonObject, key: KeyInput): boolean =>
  keys.every(({ inputKey }) => {
    if (inputKey === key.inputKey || !Object.hasOwn(thing.input, inputKey)) return true
    const [asked, was] = [given[inputKey], thing.input[inputKey]]
    return asked === undefined || was === undefined || asked === was
  })
