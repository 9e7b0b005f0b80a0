import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Report, type TrialRecord, taskRecord, totalsOf } from '../records.ts'
import { escaped, reportHtml } from './html.ts'
import { reportText } from './text.ts'

const HOSTILE = `</pre><script>alert(1)</script><img src=x onerror="alert('2')"> & ‮ reversed`

function reportWith(trial: Partial<TrialRecord>): Report {
  const whole: TrialRecord = {
    ...{ passed: false, problems: [], regressions: [], unsupported: [], trajectory: [] },
    ...{ seconds: 1, steps: 1, toolErrors: 0, tokens: 0, money: 0, ...trial },
  }
  const tasks = [taskRecord({ id: HOSTILE, class: HOSTILE, environment: HOSTILE }, [whole])]
  return {
    ...{ format: 'patchbay.eval/2', suite: HOSTILE, policy: HOSTILE, model: HOSTILE, seed: 1, trials: 1 },
    ...{ settings: { [HOSTILE]: HOSTILE }, startedAt: 'now', seconds: 1, outOfTime: false, tasks },
    ...{ notes: { [HOSTILE]: HOSTILE }, beside: [], invalid: [HOSTILE], fixturesChanged: [] },
    ...totalsOf(tasks, 1),
  }
}

test('whatever is hostile, wherever it stands, is text in the page', () => {
  const page = reportHtml(
    reportWith({
      problems: [HOSTILE],
      regressions: [HOSTILE],
      unsupported: [HOSTILE],
      answer: { [HOSTILE]: HOSTILE },
      trajectory: [
        { kind: 'tool', title: HOSTILE, input: HOSTILE, output: { [HOSTILE]: [HOSTILE] }, error: HOSTILE },
        { kind: 'model', title: HOSTILE, output: HOSTILE },
      ],
    }),
  )
  expect(page.match(/alert\(1\)/g)?.length).toBeGreaterThan(15)
  expect(page).not.toMatch(/<script|<img|onerror="|‮/)
  expect(page).toMatch('U+202E')
})

test('what passed is said to be what was checked, and no more', () => {
  const passed = { passed: true }
  expect(reportHtml(reportWith(passed))).toMatch('nothing else was touched')
  const own = reportHtml({ ...reportWith(passed), passMeans: 'it ended as expected' })
  expect(own).toMatch('it ended as expected')
  expect(own).not.toMatch('nothing else was touched')
})

test('what was left out stands in the page and in the terminal, with the reason', () => {
  const report = { ...reportWith({}), leftOut: [`box: no description ${HOSTILE}`] }
  expect(reportHtml(report)).toMatch(/<li>box: no description &lt;\/pre&gt;/)
  expect(reportText(report)).toMatch(/^left out\n {2}box: no description/m)
  expect(reportText(reportWith({}))).not.toMatch('left out')
})

test('the page loads nothing: no address, no script, no style from elsewhere', () => {
  const page = reportHtml(reportWith({}))
  expect(page).not.toMatch(/<[^>]*\b(src|href|srcset|action)\s*=|@import|url\(/i)
  expect(page).toMatch(/default-src 'none'/)
})

test('escaped text has no character that markup is made of, and reads the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const safe = escaped(text).replaceAll(/<i class="code">U\+[0-9A-F]+<\/i>/g, '')
      expect(safe).not.toMatch(/[<>"']/)
      expect(safe).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/)
    }),
    { numRuns: 50 },
  )
})

test('a step shows its tool, input, output and error, and what is long is cut with a note', () => {
  const page = reportHtml(
    reportWith({
      trajectory: [
        { kind: 'tool', title: 'run_action', input: { a: 1 }, output: 'x'.repeat(30_000), seconds: 0.25 },
      ],
    }),
  )
  expect(page).toMatch(/run_action.*0\.25 s.*&quot;a&quot;: 1.*10000 more characters/s)
})
