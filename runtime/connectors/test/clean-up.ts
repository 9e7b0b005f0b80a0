import type { JsonObject } from '../../../core/json.ts'
import { callAction } from './call-action.ts'
import { keysOf, readerFor } from './judge.ts'
import { type ActionRole, holdsSame } from './roles.ts'
import type { Test } from './test-state.ts'
import { type Thing, valueFor } from './things.ts'

const CLEAN_UP_MS = 45_000

/**
 * Deletes what the test made, the newest first, with time of its own: a test that was stopped cleans up too. What
 * cannot be deleted is told.
 */
export async function cleanUp(test: Test): Promise<void> {
  const signal = AbortSignal.timeout(CLEAN_UP_MS)
  const removed: Thing[] = []
  for (const thing of test.things.created().toReversed()) {
    const what = nameOf(test, thing)
    const tried = await remove(test, thing, signal)
    if (tried.done) {
      thing.gone = true
      removed.push(thing)
      test.deleted.push({ what, madeBy: thing.from, action: tried.action, trace: tried.trace })
    } else {
      test.left.push({ what, madeBy: thing.from, trace: thing.trace, why: tried.why })
    }
  }
}

type Tried = { done: true; action: string; trace: string | null } | { done: false; why: string }

async function remove(test: Test, thing: Thing, signal: AbortSignal): Promise<Tried> {
  const removers = [...test.roles.values()].filter(
    (role) =>
      role.kind === 'remove' && role.own !== undefined && holdsSame(role.collection, thing.collection),
  )
  // DELETE /things/{id} before POST /things/{id}/archive, which leaves it there.
  const role = removers.toSorted((a, b) => rank(test, a) - rank(test, b))[0]
  if (role === undefined) return { done: false, why: 'no action of the connector deletes it' }
  const keys = keysOf(test, role, thing, thing.input)
  if (keys === undefined) return { done: false, why: `what is known of it is not enough for ${role.slug}` }
  const called = await callAction(test, role.slug, keys, signal)
  if (called.ok) return { done: true, action: role.slug, trace: called.trace }
  // "Not found" may be the thing, or the address it was to be deleted at: reading it tells which.
  const isGone = GONE.has(called.status ?? 0) && (await cannotBeRead(test, thing, signal))
  return isGone
    ? { done: true, action: role.slug, trace: called.trace }
    : { done: false, why: `${role.slug} failed: ${called.message}` }
}

const GONE = new Set([404, 410])

async function cannotBeRead(test: Test, thing: Thing, signal: AbortSignal): Promise<boolean> {
  const reader = readerFor(test, thing)
  const keys = reader && keysOf(test, reader, thing, thing.input)
  if (reader === undefined || keys === undefined) return false
  const read = await callAction(test, reader.slug, keys, signal)
  return !read.ok && GONE.has(read.status ?? 0)
}

const rank = ({ actions }: Test, { slug }: ActionRole): number =>
  actions.get(slug)?.method === 'DELETE' ? 0 : 1

function nameOf(test: Test, { value, collection, from }: Thing): string {
  const own = [...test.roles.values()].find(
    (role) => role.own !== undefined && role.collection === collection,
  )?.own
  const key = own === undefined ? undefined : valueFor(own, value)
  const shown: JsonObject = Object.fromEntries(
    Object.entries(value).filter(
      ([field, one]) => typeof one !== 'object' && ['id', 'name', 'title', 'number'].includes(field),
    ),
  )
  return key === undefined ? `${from} ${JSON.stringify(shown)}` : `${collection}: ${key.value}`
}
