import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts'
import { callAction } from './call-action.ts'
import { compareData } from './compare-data.ts'
import type { FilledKeys } from './fill-keys.ts'
import type { Called } from './port.ts'
import type { ActionVerdict } from './report.ts'
import { type ActionRole, holdsSame } from './roles.ts'
import { givenFor, type Test } from './test-state.ts'
import { type Thing, valueFor } from './things.ts'

export interface ReadBack {
  action: string
  trace: string | null
  compared: string[]
  problems: string[]
  notes: string[]
}

type Judged = Omit<ActionVerdict, 'input' | 'madeUp' | 'links'>

/** The runtime gives an answer unchecked rather than late; that is no finding about the action. */
const UNCHECKED = /^The output was not checked: it took/

const TOO_MANY = 429

/** What one call, and what was read after it, say of its action. */
export function judge(role: ActionRole, called: Called, after: ReadBack | undefined): Judged {
  const base = {
    action: role.slug,
    kind: role.kind,
    status: called.status,
    trace: called.trace,
    evidence: null,
    readBack:
      after === undefined ? null : { action: after.action, trace: after.trace, compared: after.compared },
  }
  if (!called.ok && called.status === TOO_MANY) {
    const problems = [`The app takes no more calls for now: ${called.message}`]
    return { ...base, verdict: 'skipped', check: null, problems, notes: [], durationMs: null }
  }
  if (!called.ok) {
    const check = called.refusedInput ? ('input' as const) : ('status' as const)
    return { ...base, verdict: 'failed', check, problems: [called.message], notes: [], durationMs: null }
  }
  const warnings = called.warnings.filter((warning) => !UNCHECKED.test(warning))
  const problems = [...warnings, ...(after?.problems ?? [])]
  return {
    ...base,
    verdict: problems.length === 0 ? 'passed' : 'failed',
    check: warnings.length > 0 ? 'schema' : problems.length > 0 ? 'data' : null,
    problems,
    notes: [...called.warnings.filter((warning) => UNCHECKED.test(warning)), ...(after?.notes ?? [])],
    durationMs: Math.round(called.durationMs),
  }
}

export interface Written {
  filled: FilledKeys
  input: JsonObject
  called: Called & { ok: true }
  thing: Thing | undefined
}

/**
 * Reads what was written, with the action that reads one such thing, and compares: a success that changed nothing is
 * none. What was removed must be gone, or look otherwise than before.
 */
export async function readBackOf(
  test: Test,
  role: ActionRole,
  written: Written,
): Promise<ReadBack | undefined> {
  const { filled, input, called, thing } = written
  if (role.kind === 'list' || role.kind === 'write') return undefined
  if (role.kind === 'read') return rightThing(role, filled, called)
  const reader = readerFor(test, role)
  const keys = reader && keysOf(test, reader, thing, { ...filled.values, ...input })
  const sent = sentBy(role, input)
  if (reader === undefined || keys === undefined) {
    if (role.kind === 'remove') return undefined
    const { compared, differing } = compareData(sent, called.output)
    return {
      action: role.slug,
      trace: called.trace,
      compared,
      problems: differing,
      notes: ['No action reads it back: compared with its own answer.'],
    }
  }
  const read = await callAction(test, reader.slug, { ...givenFor(test, reader.slug), ...keys })
  const found: ReadBack = { action: reader.slug, trace: read.trace, compared: [], problems: [], notes: [] }
  if (role.kind === 'remove') return judgeRemoved(found, read, thing)
  if (!read.ok) {
    found.problems.push(`What it made could not be read by ${reader.slug}: ${read.message}`)
    return found
  }
  const { compared, differing } = compareData(sent, read.output)
  found.compared = compared
  found.problems = differing
  if (compared.length === 0) found.notes.push(`${reader.slug} shows none of the fields that were sent.`)
  return found
}

function judgeRemoved(found: ReadBack, read: Called, thing: Thing | undefined): ReadBack {
  if (!read.ok) return { ...found, notes: [`${found.action} then answered: ${read.status ?? 'nothing'}.`] }
  const before = thing?.value
  if (before === undefined || !holds(read.output, before))
    return { ...found, notes: [`${found.action} still answers, but otherwise than before.`] }
  return { ...found, problems: [`It is still there as it was, says ${found.action}.`] }
}

const holds = (output: Json, value: JsonObject): boolean =>
  isDeepStrictEqual(output, value) ||
  (isJsonObject(output) && Object.values(output).some((inner) => isDeepStrictEqual(inner, value)))

/** Was the thing read that was asked for? */
function rightThing({ own }: ActionRole, { values, links }: FilledKeys, called: Called & { ok: true }) {
  const field =
    own &&
    links
      .find(({ input }) => input === own.inputKey)
      ?.pointer?.split('/')
      .at(-1)
  if (own === undefined || field === undefined || !isJsonObject(called.output)) return undefined
  const [asked, got] = [values[own.inputKey], called.output[field]]
  if (got === undefined || got === null || typeof got === 'object' || String(got) === String(asked))
    return undefined
  return {
    action: own.inputKey,
    trace: called.trace,
    compared: [field],
    problems: [`It was asked for the one whose ${field} is ${String(asked)}, and gave ${String(got)}.`],
    notes: [],
  }
}

const sentBy = ({ keys }: ActionRole, input: JsonObject): JsonObject => {
  const names = new Set(keys.map(({ inputKey }) => inputKey))
  return Object.fromEntries(Object.entries(input).filter(([key]) => !names.has(key)))
}

/** The action that reads one thing of a collection. */
export const readerFor = (
  { roles }: Test,
  { collection }: Pick<ActionRole, 'collection'>,
): ActionRole | undefined =>
  [...roles.values()].find(
    (one) => one.kind === 'read' && holdsSame(one.collection, collection) && one.own !== undefined,
  )

/** The keys of an action for one thing; undefined: the thing does not tell them all. */
export function keysOf(
  test: Test,
  role: ActionRole,
  thing: Thing | undefined,
  inputs: JsonObject,
): JsonObject | undefined {
  const given = givenFor(test, role.slug)
  const values: JsonObject = {}
  for (const key of role.keys) {
    const { inputKey } = key
    const ofThing = thing === undefined ? undefined : valueFor(key, thing.value)?.value
    const value =
      key === role.own
        ? (ofThing ?? inputs[inputKey])
        : (thing?.input[inputKey] ?? inputs[inputKey] ?? given[inputKey])
    if (value === undefined) return undefined
    values[inputKey] = value
  }
  return values
}
