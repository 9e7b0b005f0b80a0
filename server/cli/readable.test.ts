import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import { readable } from './readable.ts'

const word = fc.stringMatching(/^[a-z]{4,12}$/).map((text) => `v-${text}`)
const tree = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    word,
    fc.integer({ min: 1_000 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), tie('value'), { maxKeys: 5 }),
  ),
})).value
const leaves = (value: Json): string[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)]

describe('JSON as text for a person', () => {
  test('leaves out nothing of what there is, whatever its shape', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 20, max: 200 }), (value, width) => {
        const text = readable(value, { width })
        for (const leaf of leaves(value)) expect(text).toContain(leaf)
      }),
    )
  })

  test('short values of many items are a table; what does not fit is a list', () => {
    const rows = [
      { action: 'get_note', verdict: 'failed', status: 404 },
      { action: 'list_notes', verdict: 'passed', status: 200 },
    ]
    expect(readable(rows)).toBe(
      'action      verdict  status\nget_note    failed   404\nlist_notes  passed   200',
    )
    expect(readable(rows, { width: 20 })).toBe(
      '1. get_note\n   status: 404\n   verdict: failed\n2. list_notes\n   status: 200\n   verdict: passed',
    )
  })

  test('a patch is a line for each change, and evidence begins as HTTP does', () => {
    const patch = [{ op: 'replace', path: '/path', value: '/notes/{id}' }]
    const evidence = {
      request: { method: 'GET', url: 'http://a/note/1', headers: {}, body: null },
      response: { status: 404, body: { error: 'no such address' } },
    }
    expect(readable({ patch, evidence })).toBe(
      [
        'patch:',
        '  replace /path by "/notes/{id}"',
        'evidence:',
        '  request: GET http://a/note/1',
        '  response: 404',
        '    body: {"error":"no such address"}',
      ].join('\n'),
    )
  })

  test('what was shown before is referred to', () => {
    const report = {
      passed: 3,
      failed: 1,
      results: ['a long line of what was tried, and what it came to in the end'],
    }
    expect(readable({ report }, { shown: [{ title: 'Tests of version 2', content: report }] })).toBe(
      'report: as shown above (Tests of version 2)',
    )
  })

  test('text of others cannot drive the terminal', () => {
    const text = readable({ reason: '\u001b[2J\u001b]0;owned\u0007 fine \u202egnp.exe' })
    expect(text).toBe('reason: �[2J�]0;owned� fine �gnp.exe')
  })
})
