import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { buildSandbox } from '../sandbox/sandbox.ts'
import { silentLog } from '../sandbox/testing.ts'
import { asRow, type RunOnce, runOnce, shown } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

/** What a random workflow is made of. */
type Part =
  | { what: 'call'; ms: number; alike: boolean; outer: boolean }
  | { what: 'step'; name: string; parts: Part[]; busy: boolean; fails: boolean; outer: boolean }
  | { what: 'beside'; branches: Part[][] }
  | { what: 'ticks'; count: number }
  /** After a callback, in the rounds of a loop that waits, and after what failed. */
  | { what: 'then'; parts: Part[] }
  | { what: 'loop'; parts: Part[] }
  | { what: 'after'; parts: Part[] }
  /** What a generator of the workflow's own does when its reader has enough. */
  | { what: 'left'; parts: Part[] }

const { parts: programs } = fc.letrec<{ part: Part; parts: Part[] }>((tie) => ({
  parts: fc.array(tie('part'), { minLength: 1, maxLength: 3 }),
  part: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant('call'),
        ms: fc.nat(11),
        alike: fc.boolean(),
        outer: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('ticks'), count: fc.nat(4) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant('step'),
        name: fc.constantFrom('a', 'b'),
        parts: fc.oneof(fc.constant([]), tie('parts')),
        busy: fc.nat(7).map((n) => n === 0),
        fails: fc.nat(3).map((n) => n === 0),
        outer: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constantFrom('then', 'loop', 'after', 'left'), parts: tie('parts') }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant('beside'),
        branches: fc.array(tie('parts'), { minLength: 2, maxLength: 3 }),
      }),
    },
  ) as fc.Arbitrary<Part>,
}))

/** @param differ no two names and arguments are alike */
function codeOf(parts: readonly Part[], differ: boolean): string {
  let tag = 0
  const write = (all: readonly Part[], inStep: boolean): string =>
    all
      .map((part): string => {
        const seen = inStep ? '' : `see(${tag++}); `
        if (part.what === 'ticks') return `for (let i = 0; i < ${part.count}; i++) await null; ${seen}`
        if (part.what === 'call') {
          const answer = part.alike && !differ ? "'alike'" : tag++
          return `await ${part.outer ? 'ctx' : 'c'}.state.get(${part.ms}, ${answer}); ${seen}`
        }
        if (part.what === 'beside') {
          const branches = part.branches.map((branch) => `(async () => { ${write(branch, inStep)} })()`)
          return `await Promise.all([${branches.join(', ')}]); ${seen}`
        }
        if (part.what === 'then')
          return `await wait().then(async () => { ${write(part.parts, true)} }).finally(wait); ${seen}`
        if (part.what === 'loop')
          return `for await (const _ of [wait()${differ ? '' : ', 1'}]) { ${write(part.parts, true)} } ${seen}`
        if (part.what === 'left')
          return `for await (const _ of (async function* () { try { yield wait() } finally { ${write(part.parts, true)} } })()) break; ${seen}`
        if (part.what === 'after')
          return `try { await wait(); throw 0 } catch { ${write(part.parts, true)} } finally { await wait() } ${seen}`
        const name = differ ? `s${tag++}` : part.name
        const body = `${write(part.parts, true)} ${part.busy ? 'burn();' : ''} ${part.fails ? "throw new Error('no');" : ''}`
        return `await ${part.outer ? 'ctx' : 'c'}.step('${name}', async (c) => { ${body} return ${tag++} }).catch(() => 0); ${seen}`
      })
      .join('')
  return `const seen = []; const c = ctx; const see = (what) => seen.push([what, Date.now(), Math.random()]);
    const wait = async () => { for (let i = 0; i < 3; i++) await null };
    const burn = () => { for (let i = 0; i < 1e6; i++); }; ${write(parts, false)} return seen`
}

const outputOf = (run: RunOnce) => shown(run).output

/** As many as are asked for: `REPLAY_PROGRAMS=2000` for a long search. */
const PROGRAMS = Number(process.env.REPLAY_PROGRAMS ?? 25)

describe.each([
  ['names and arguments are alike', false],
  ['no two names and arguments are alike', true],
])('random parallel code: %s', (_title, differ) => {
  test('does the same when it is run again with its record, and does nothing anew', async () => {
    await fc.assert(
      fc.asyncProperty(programs, fc.boolean(), async (parts, fresh) => {
        const code = codeOf(parts, differ)
        const first = await runOnce(sandbox, code, fresh)
        const again = await runOnce(sandbox, code, false, first.rows.map(asRow))
        expect(outputOf(again)).toEqual(outputOf(first))
        expect(again.rows).toEqual([])
        expect(again.made).toEqual([])
      }),
      { numRuns: PROGRAMS },
    )
  })
})

test('random parallel code that was cut off does none of what was recorded again', async () => {
  await fc.assert(
    fc.asyncProperty(programs, fc.double({ min: 0, max: 1, noNaN: true }), async (parts, share) => {
      const code = codeOf(parts, true)
      const first = await runOnce(sandbox, code, true)
      const kept = first.rows.slice(0, Math.floor(first.rows.length * share)).map(asRow)
      const again = await runOnce(sandbox, code, false, kept)
      const recorded = kept.filter(({ kind }) => kind !== 'step').map(({ output }) => output)
      expect(again.made.filter((answer) => recorded.includes(answer as number))).toEqual([])
      // What both did is all there is to do.
      const all = [...recorded, ...again.made]
      expect(new Set(all)).toEqual(new Set(first.made))
      const order = (run: RunOnce) => (outputOf(run) as [number, number, number][]).map(([what]) => what)
      expect(order(again).toSorted()).toEqual(order(first).toSorted())
    }),
    { numRuns: PROGRAMS },
  )
})
