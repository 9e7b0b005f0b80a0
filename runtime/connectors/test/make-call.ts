import type { JsonObject } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { callAction } from './call-action.ts'
import type { FilledKeys } from './fill-keys.ts'
import type { Called } from './port.ts'
import { type ActionRole, resourceOf } from './roles.ts'
import { type SampledInput, sampleInput } from './sample-input.ts'
import { givenFor, type Test } from './test-state.ts'
import { type Thing, thingsIn } from './things.ts'

export interface MadeCall {
  called: Called
  sampled: SampledInput
  /** What it made, found, changed or removed. */
  thing: Thing | undefined
}

const MAX_WHAT_CHARS = 200

/** Calls an action with keys that are filled, and remembers what the answer tells of. */
export async function makeCall(
  test: Test,
  role: ActionRole,
  action: ActionDefinition,
  filled: FilledKeys,
): Promise<MadeCall> {
  const writes = role.kind === 'create' || role.kind === 'update'
  let sampled = inputOf(test, role, action, filled, writes)
  let called = await callAction(test, role.slug, sampled.input)
  // The texts nobody asked for may be what the app does not take.
  if (writes && !called.ok && (called.status === 400 || called.status === 422)) {
    const least = inputOf(test, role, action, filled, false)
    if (Object.keys(least.input).length < Object.keys(sampled.input).length) {
      sampled = least
      called = await callAction(test, role.slug, sampled.input)
    }
  }
  if (!called.ok) test.failed.add(role.slug)
  return { called, sampled, thing: remember(test, role, filled, called, sampled.input) }
}

const inputOf = (
  test: Test,
  role: ActionRole,
  action: ActionDefinition,
  filled: FilledKeys,
  withTexts: boolean,
): SampledInput =>
  sampleInput({
    action,
    schemas: test.request.definition.schemas,
    seed: test.request.seed,
    prefix: test.prefix,
    settled: { ...givenFor(test, role.slug), ...filled.values },
    withTexts,
    except: role.kind === 'update' ? keyFieldOf(role, filled) : undefined,
    variant: role.kind === 'create' ? `create ${test.helped.get(role.slug) ?? 0}` : role.kind,
  })

/** The field a thing is called by: changed, it could not be found again. */
const keyFieldOf = ({ own }: ActionRole, { links }: FilledKeys): string | undefined =>
  links
    .find(({ input }) => input === own?.inputKey)
    ?.pointer?.split('/')
    .at(-1)

function remember(
  test: Test,
  role: ActionRole,
  filled: FilledKeys,
  called: Called,
  input: JsonObject,
): Thing | undefined {
  const { kind, slug: madeBy } = role
  const mayBeLeft = (why: string) =>
    test.left.push({ what: JSON.stringify(input).slice(0, MAX_WHAT_CHARS), madeBy, trace: called.trace, why })
  if (!called.ok) {
    if (kind === 'create' && called.unknown)
      mayBeLeft('no answer came, so it may have been made all the same')
    return undefined
  }
  if (kind === 'remove' && filled.own !== undefined) filled.own.gone = true
  if (kind === 'update' || kind === 'write' || kind === 'remove') return filled.own
  const { output, trace } = called
  const found = thingsIn(role, { output, trace, input, origin: 'found' })
  if (kind !== 'create') {
    test.things.add(found)
    return found[0]
  }
  // One thing was made; what else the answer shows was there before.
  const made = madeOf(found, role)
  if (made === undefined) {
    mayBeLeft('its answer does not tell by which id it could be deleted')
    return undefined
  }
  made.origin = 'created'
  test.things.add([made, ...found.filter((thing) => thing !== made)])
  return made
}

/** The answer itself; of an envelope, the object called as the collection is, or else its first. */
function madeOf(found: readonly Thing[], { collection }: ActionRole): Thing | undefined {
  const [first] = found
  if (first === undefined || first.pointer === '') return first
  return found.find(({ names }) => names[0] === resourceOf(collection)) ?? first
}
