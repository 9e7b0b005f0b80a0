import type { ActionDefinition } from '../definition.ts'
import { cleanUp } from './clean-up.ts'
import type { FilledKeys } from './fill-keys.ts'
import { fill, help, inOrder, isAllowed } from './help.ts'
import { judge, readBackOf } from './judge.ts'
import { type MadeCall, makeCall } from './make-call.ts'
import type { TestPort } from './port.ts'
import type { ActionVerdict } from './report.ts'
import type { ActionRole } from './roles.ts'
import { buildTest, type Test, type TestRequest, type TestResult } from './test-state.ts'

/** So many first calls answered 401: it is the account that is refused, not the actions. */
const MAX_REFUSALS = 3

/**
 * Tests actions against a real account: whatever can be called is, in an order in which answers of some give the
 * inputs of others, and what was made is deleted at the end, whatever happens. Nothing is thrown for what an action does.
 */
export async function runTest(port: TestPort, request: TestRequest): Promise<TestResult> {
  const test = buildTest(port, request)
  try {
    while (mayGoOn(test) && (await testNext(test))) {
      const newest = [...test.verdicts.keys()].at(-1) ?? ''
      request.onProgress?.(test.verdicts.size, request.actions.length, newest)
    }
    for (const slug of request.actions)
      if (!test.verdicts.has(slug)) test.verdicts.set(slug, skip(test, slug))
  } finally {
    await cleanUp(test)
  }
  return {
    seed: request.seed,
    prefix: test.prefix,
    calls: test.calls,
    durationMs: Date.now() - test.startedAt,
    stopped: test.stopped,
    actions: [...test.verdicts.values()],
    support: test.support,
    cleanup: { deleted: test.deleted, left: test.left },
  }
}

function mayGoOn(test: Test): boolean {
  const { request, calls, startedAt } = test
  const { maxCalls, maxMs } = request.bounds
  if (request.signal.aborted) test.stopped = 'It was stopped.'
  else if (calls >= maxCalls) test.stopped = `Its ${maxCalls} calls are used up.`
  else if (Date.now() - startedAt >= maxMs) test.stopped = `Its ${Math.round(maxMs / 1000)} s are over.`
  else if (!test.accepted && test.refusals >= MAX_REFUSALS)
    test.stopped = `The account is refused: the first ${MAX_REFUSALS} calls were answered with 401.`
  return test.stopped === null
}

/** Calls one more action, or one that helps another. False: nothing more can be called. */
async function testNext(test: Test): Promise<boolean> {
  const open = test.request.actions
    .filter((slug) => !test.verdicts.has(slug))
    .flatMap((slug) => test.roles.get(slug) ?? [])
    .filter((role) => isAllowed(test, role))
    .toSorted(inOrder)
  const state = test.things.state()
  for (const role of open) {
    // What lacked something lacks it still, as long as nothing new is known.
    if (test.blocked.get(role.slug) === state) continue
    const filled = fill(test, role)
    const action = test.actions.get(role.slug)
    if ('missing' in filled) test.blocked.set(role.slug, state)
    // What removes waits until nothing else can be called, help included.
    if (action === undefined || 'missing' in filled || role.kind === 'remove') continue
    await testAction(test, role, action, filled)
    return true
  }
  for (const role of open) {
    if (test.helpless.get(role.slug) === state) continue
    if (await help(test, role)) return true
    test.helpless.set(role.slug, state)
  }
  for (const role of open) {
    const filled = fill(test, role)
    const action = test.actions.get(role.slug)
    if (role.kind !== 'remove' || action === undefined || 'missing' in filled) continue
    await testAction(test, role, action, filled)
    return true
  }
  return false
}

async function testAction(
  test: Test,
  role: ActionRole,
  action: ActionDefinition,
  filled: FilledKeys,
): Promise<void> {
  const made = await makeCall(test, role, action, filled)
  const { called, sampled, thing } = made
  if (called.ok) test.accepted = true
  else if (called.status === 401) test.refusals += 1
  const readBack = called.ok
    ? await readBackOf(test, role, { filled, input: sampled.input, called, thing })
    : undefined
  if (
    role.kind === 'remove' &&
    thing !== undefined &&
    readBack !== undefined &&
    readBack.problems.length > 0
  ) {
    const why = `${role.slug} was answered ${called.status}, but it is still there`
    test.left.push({ what: JSON.stringify(filled.values), madeBy: thing.from, trace: called.trace, why })
  }
  test.verdicts.set(role.slug, {
    ...judge(role, called, readBack),
    input: sampled.input,
    madeUp: sampled.madeUp,
    links: filled.links,
    ...(await readOn(test, action, made)),
  })
}

/** A list in pages is read on. */
async function readOn(
  { port, request }: Test,
  { slug, pagination }: ActionDefinition,
  { called, sampled }: MadeCall,
): Promise<Partial<ActionVerdict>> {
  if (!called.ok || called.warnings.length > 0 || pagination === undefined) return {}
  const problem = await port.readPages(slug, sampled.input, request.signal)
  return problem === null ? {} : { verdict: 'failed', check: 'pages', problems: [problem] }
}

const skip = (test: Test, slug: string): ActionVerdict => ({
  action: slug,
  kind: test.roles.get(slug)?.kind ?? 'write',
  verdict: 'skipped',
  check: null,
  problems: [whyNot(test, slug)],
  notes: [],
  status: null,
  durationMs: null,
  trace: null,
  input: null,
  madeUp: [],
  links: [],
  readBack: null,
  evidence: null,
})

function whyNot(test: Test, slug: string): string {
  const role = test.roles.get(slug)
  if (role === undefined) return 'There is no such action.'
  if (!isAllowed(test, role)) return 'It changes data, and writes are not allowed (allowWrites).'
  if (test.stopped !== null) return `The test ended before. ${test.stopped}`
  const filled = fill(test, role)
  const missing = 'missing' in filled ? filled.missing.map(({ inputKey }) => inputKey) : []
  if (role.kind === 'remove')
    return missing.length === 0
      ? 'It may remove more than what the test made.'
      : `It may only remove what the test made, and nothing made here can be its ${missing.join(', ')}.`
  const source =
    role.kind === 'read' || role.kind === 'list' ? 'No answer gives' : 'Nothing the test made gives'
  return `${source} ${missing.join(', ')}. Name it in inputs: {"${slug}":{"${missing[0] ?? 'id'}":…}}.`
}
