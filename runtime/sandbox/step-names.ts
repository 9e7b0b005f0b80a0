/** What calls and steps are known by, on both sides of the sandbox. */
import { createHash } from 'node:crypto'

export const MAX_STEP_NAME_LENGTH = 200
/** What code can ask for: all that goes out of an isolate. */
export const CALL_NAMES: ReadonlySet<unknown> = new Set(
  `connectors.call connectors.page connectors.collect fetch
   files.save files.read files.info files.delete textfiles.write textfiles.read textfiles.delete textfiles.exists
   state.get state.set state.delete cache.get cache.set cache.delete config.get config.set config.delete
   db.get db.put db.delete db.query secrets.get crypto.digest crypto.importKey crypto.sign crypto.verify
   workflows.run workflows.start step.begin step.end step.fail sleep wait.event wait.approval events.send`.split(
    /\s+/,
  ),
)
/** Not recorded: secrets, pure functions, and files, which never change. */
export const UNRECORDED = /^(secrets\.|crypto\.|files\.(read|info)$)/
/** What has no place of its own in the record, by which the order of answers would be known. */
export const DECIDED_AT_ONCE = new RegExp(`${UNRECORDED.source}|^step\\.(begin|fail)$`)
/** A step within steps has a longer scope; about 30 deep is possible. */
export const MAX_SCOPE_LENGTH = 800
const SCOPE = /^[\w-]{22}\.\d+(?:\/[\w-]{22}\.\d+)*$/
/** Of what code says that it is part of: could it be a step? It reaches the record, whose cost grows with the depth. */
export const isScope = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_SCOPE_LENGTH && SCOPE.test(value)
/** What a step adds to the scope it is within, at most. */
export const MAX_PLACE_LENGTH = 40

/** What is called, by what name, with which arguments as JSON text with sorted keys. */
export const printOf = (kind: string, name: string, args: string): string =>
  createHash('sha256').update(`${kind}\0${name}\0${args}`).digest('base64url').slice(0, 22)

/** The same on every run of the same code; `nth`: how many alike came before it in the same step. */
export const scopeOf = (step: string | null, print: string, nth: number): string =>
  step === null ? `${print}.${nth}` : `${step}/${print}.${nth}`

/** What the beginning of a step is known by: a number that no place in the record has. */
export const beginningOf = (scope: string): number =>
  2 ** 52 + Number(createHash('sha256').update(scope).digest().readBigUInt64BE() >> 12n)

/** The same of its failing, after which it begins anew when the code runs again. */
export const failureOf = (scope: string): number => beginningOf(`${scope}!`)

/** What an answer is known by that has this place in the record. */
export const turnOf = (seq: number): number => seq + 1
