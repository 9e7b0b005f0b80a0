import { type FilledKeys, fillKeys } from './fill-keys.ts'
import { makeCall } from './make-call.ts'
import { type ActionKind, type ActionRole, type KeyInput, resourceOf } from './roles.ts'

import { givenFor, knownFor, type Test } from './test-state.ts'

/** How often one action is called for the sake of others. */
const MAX_HELP = 3
/** Actions looked at for the sake of one: each once, so that circles end. */
const MAX_SEEN = 50

const RANK: Record<ActionKind, number> = { list: 0, create: 1, read: 2, update: 3, write: 4, remove: 5 }

/** Lists, what makes things (parents before children), what reads and changes them, and last what removes (children first). */
export function inOrder(a: ActionRole, b: ActionRole): number {
  if (a.kind !== b.kind) return RANK[a.kind] - RANK[b.kind]
  const deeper = a.kind === 'remove' ? b.depth - a.depth : a.depth - b.depth
  return deeper !== 0 ? deeper : a.slug < b.slug ? -1 : 1
}

export const isAllowed = ({ request }: Test, { kind }: ActionRole): boolean =>
  request.allowWrites || kind === 'list' || kind === 'read'

/** The action's keys from what is known now, or which of them nothing is known of. */
export function fill(test: Test, role: ActionRole): FilledKeys | { missing: KeyInput[] } {
  const action = test.actions.get(role.slug)
  if (action === undefined) return { missing: [] }
  const filled = fillKeys({
    role,
    given: givenFor(test, role.slug),
    meant: test.request.inputs[role.slug] ?? {},
    things: test.things,
    known: knownFor(test, action),
  })
  // What removes without naming a thing may remove everything there is.
  const namesNothing = role.kind === 'remove' && !('missing' in filled) && filled.own === undefined
  return namesNothing ? { missing: [] } : filled
}

/**
 * Calls an action that may give what another one lacks: one that lists or makes such things, or first what that one
 * needs itself.
 * @returns was a call made?
 */
export async function help(
  test: Test,
  role: ActionRole,
  whom = role,
  seen = new Set<string>(),
): Promise<boolean> {
  const lacking = fill(test, role)
  if (!('missing' in lacking) || seen.has(role.slug) || seen.size > MAX_SEEN) return false
  seen.add(role.slug)
  const [key] = lacking.missing
  if (key === undefined) return false
  const kinds: ActionKind[] = role.kind === 'read' || role.kind === 'list' ? ['list', 'create'] : ['create']
  const made = new Set(test.things.created().map(({ from }) => from))
  const helpers = (test.sources.get(key.resource) ?? [])
    .filter((one) => kinds.includes(one.kind) && one.slug !== role.slug && isAllowed(test, one))
    // Things are only made for what is clearly about them: not a charge, because it shows an intent.
    .filter(
      ({ kind, collection }) =>
        kind === 'list' || resourceOf(collection) === key.resource || collection === role.collection,
    )
    .filter(({ slug }) => (test.helped.get(slug) ?? 0) < MAX_HELP && !test.failed.has(slug))
    // A list that was read tells nothing new; a thing is made again only when the one before is gone.
    .filter(({ kind, slug }) =>
      kind === 'create' ? !made.has(slug) : !(test.verdicts.has(slug) || test.helped.has(slug)),
    )
    .toSorted(
      (a, b) =>
        Number(b.collection === key.collection) - Number(a.collection === key.collection) || inOrder(a, b),
    )
  for (const helper of helpers) {
    const filled = fill(test, helper)
    const action = test.actions.get(helper.slug)
    if (action === undefined) continue
    if ('missing' in filled) {
      if (await help(test, helper, whom, seen)) return true
      continue
    }
    test.helped.set(helper.slug, (test.helped.get(helper.slug) ?? 0) + 1)
    const { called } = await makeCall(test, helper, action, filled)
    const why = `${whom.slug} needs ${key.inputKey}`
    test.support.push({ action: helper.slug, trace: called.trace, why, ok: called.ok })
    return true
  }
  return false
}
