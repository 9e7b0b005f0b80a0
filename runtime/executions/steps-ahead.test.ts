import { afterAll, describe, expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import { buildSandbox } from '../sandbox/sandbox.ts'
import { jobFor, silentLog, workflow } from '../sandbox/testing.ts'
import { asRow, runOnce, shown } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const SAY = "const say = (what) => ctx.log.info(what + ' ' + Math.random())"
/** `ctx.state.get(ms, answer)` takes so long. `asked`: how often steps ask; missing where what comes first is a matter of time. */
const CASES: Record<string, { body: string; asked?: number }> = {
  'one after the other': {
    body: `let n = 1; for (const name of ['a', 'b', 'b', 'a']) { n = await ctx.step(name, () => { say(name); return n * 2 }); say('then') } return n`,
    asked: 0,
  },
  'within one another': {
    body: `return ctx.step('out', async (c) => { say('out'); const x = await c.step('in', async () => { say('in'); return 7 }); say(x); return [await ctx.step('in', () => 8), await c.step('in', () => 9), x] })`,
    asked: 0,
  },
  'some that fail': {
    body: `try { await ctx.step('bad', () => { throw new Error('no') }) } catch (error) { say(error.message) } return ctx.step('bad', () => { say('again'); return null })`,
    asked: 0,
  },
  'that call something': {
    body: `const a = await ctx.step('a', async (c) => [await c.state.get(5, 'one'), await ctx.state.get(1, 'two')]); say(a); const b = await ctx.state.get(1, 'three'); return [a, b, await ctx.step('b', () => { say('b'); return 1 })]`,
    asked: 0,
  },
  'beside one another': {
    body: `return Promise.all(['a', 'b', 'c'].map((name, at) => ctx.step(name, async (c) => { say(name); await c.state.get(30 - 10 * at, name); say(name + '!'); return name })))`,
  },
  'beside calls': {
    body: `const slow = ctx.state.get(60, 'slow'); const a = await ctx.step('a', () => { say('a'); return 'a' }); say('between'); const first = await Promise.race([slow, ctx.step('b', async (c) => c.state.get(5, 'fast'))]); say(first); return [a, first, await slow]`,
  },
  'beside a call that is asked for a little later': {
    body: `return Promise.all([ctx.step('b', () => 1), (async () => { for (let i = 0; i < 2e5; i++); return ctx.state.get(5, 'x') })()])`,
  },
  'that end while an answer is on its way': {
    body: `let first; const burn = () => { for (let i = 0; i < 3e7; i++); }; await Promise.all([ctx.step('a', () => 1).then(() => { first ??= 'a' }), ctx.step('b', (c) => { const r = c.state.get(5, 'b').then(() => { first ??= 'b' }); burn(); return r })]); return [first, await ctx.state.get(1, Date.now() > 0)]`,
  },
  'after a call that failed before it had an answer': {
    body: `try { await ctx.wait.event('') } catch (error) { say('caught') } return ctx.step('a', () => 1)`,
  },
  'that wait for nothing, beside pure code': {
    body: `const other = (async () => { for (let i = 0; i < 5; i++) { await null; say(i) } })(); const a = await ctx.step('a', async () => { await null; return 1 }); say('a'); await other; return a`,
  },
  'with names of every kind': {
    body: `const names = ['ü"\\\\', 'x'.repeat(300), '\\u2028', '{"a":1}', '😀']; const given = []; for (const name of names) given.push(await ctx.step(name, () => name.length)); return given`,
    asked: 0,
  },
  'more than are taken on trust': {
    body: `let n = 0; for (let i = 0; i < 510; i++) n += await ctx.step('s' + (i % 7), () => i); say('end'); return n`,
    asked: 20,
  },
  'with large results': {
    body: `const given = []; for (let i = 0; i < 3; i++) given.push((await ctx.step('s', () => 'x'.repeat(400000))).length); return given`,
    asked: 1,
  },
  'without a name': {
    body: `try { await ctx.step('', () => 1) } catch (error) { return error.message }`,
    asked: 1,
  },
}

describe('steps that are told are those that would be asked for', () => {
  for (const [title, { body, asked }] of Object.entries(CASES)) {
    test(title, async () => {
      const code = `${SAY}; ${body}`
      const told = await runOnce(sandbox, code, true)
      if (asked !== undefined) {
        const byAsking = await runOnce(sandbox, code, false)
        expect(shown(told)).toEqual(shown(byAsking))
        expect(told.asked).toBe(asked)
        expect(byAsking.asked).toBeGreaterThanOrEqual(asked)
      }

      for (const { started_at, finished_at } of told.rows)
        expect(started_at <= (finished_at ?? '')).toBe(true)
      for (let times = 0; times < (asked === undefined ? 5 : 1); times++) {
        const again = await runOnce(sandbox, code, false, told.rows.map(asRow))
        expect(again.rows).toEqual([])
        expect(shown(again).output).toEqual(shown(told).output)
      }
    })
  }

  test('the code sees the time it is recorded with, and goes on with the same', async () => {
    const body = `const seen = []; for (const name of ['a', 'b']) { await ctx.step(name, () => { for (let i = 0; i < 3e6; i++); }); seen.push(Date.now()) } return seen`
    const first = await runOnce(sandbox, body, true)
    const seen = shown(first).output as Json[]
    expect(first.rows.map(({ finished_at }) => Date.parse(finished_at ?? ''))).toEqual(seen)
    expect(shown(await runOnce(sandbox, body, false, first.rows.map(asRow))).output).toEqual(seen)
  })

  test('a process that tells of steps that cannot be ends the run', async () => {
    const bridge = Object.assign(async () => null, {
      steps: {
        now: Date.now,
        told: () => {
          throw new Error('not at this place')
        },
      },
    })
    const result = await sandbox.run(jobFor(workflow("await ctx.step('a', () => 1); return 2")), bridge)
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'sandbox_crashed', retryable: true } })
    expect(await sandbox.run(jobFor(workflow('return 3')), async () => null)).toMatchObject({ output: 3 })
  })
})
