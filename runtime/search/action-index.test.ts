import { describe, expect, test } from 'vitest'
import { type ActionDocument, buildActionIndex } from './action-index.ts'

const document = (
  slug: string,
  method: string,
  path: string,
  more: Partial<ActionDocument> = {},
): ActionDocument => ({
  id: slug,
  connectorId: 'tracker',
  app: 'tracker Tracker',
  slug,
  name: slug.replaceAll('_', ' '),
  description: '',
  method,
  path,
  effect: method === 'GET' ? 'read' : method === 'DELETE' ? 'destructive' : 'write',
  tags: [],
  inputKeys: [],
  required: [],
  deprecated: false,
  ...more,
})

const tracker = [
  document('issues_create', 'POST', '/issues'),
  document('issues_list', 'GET', '/issues'),
  document('issues_get', 'GET', '/issues/{id}'),
  document('issues_update', 'PATCH', '/issues/{id}'),
  document('issues_delete', 'DELETE', '/issues/{id}'),
  document('issue_comments_create', 'POST', '/issues/{id}/comments'),
  document('issue_comments_list', 'GET', '/issues/{id}/comments'),
  document('repositories_list', 'GET', '/repositories'),
]
const search = (query: string, documents = tracker) => {
  const index = buildActionIndex()
  index.add(documents)
  return index.search(query, () => true).map(({ id }) => id)
}

describe('the first found is the operation meant', () => {
  test.each([
    ['open a new issue', 'issues_create'],
    ['show me all issues', 'issues_list'],
    ['remove an issue', 'issues_delete'],
    ['edit an issue', 'issues_update'],
    ['leave a comment on an issue', 'issue_comments_create'],
    ['which repos are there', 'repositories_list'],
    ['lsit repositries', 'repositories_list'],
  ])('%s', (query, expected) => {
    expect(search(query)[0]).toBe(expected)
  })
})

test('an operation the API advises against comes after its twin', () => {
  const twin = document('tickets_create', 'POST', '/tickets')
  const old = { ...twin, id: 'old', deprecated: true }
  expect(search('create a ticket', [old, twin])).toEqual(['tickets_create', 'old'])
})

test('what is not allowed is as if it were not there', () => {
  const index = buildActionIndex()
  index.add([...tracker, document('other_issues_create', 'POST', '/issues', { connectorId: 'other' })])
  const found = index.search('create an issue', ({ connectorId }) => connectorId === 'other')
  expect(found.map(({ id }) => id)).toEqual(['other_issues_create'])
})

test('what was removed is found no more, and can come back changed', () => {
  const index = buildActionIndex()
  index.add(tracker)
  index.remove(['issues_create'])
  expect(index.search('create issue', () => true).map(({ id }) => id)).not.toContain('issues_create')
  index.add([document('issues_create', 'POST', '/issues')])
  expect(index.search('create issue', () => true)[0]?.id).toBe('issues_create')
  expect(index.size).toBe(tracker.length)
})

test('words of JavaScript’s own objects are words like others', () => {
  for (const query of ['constructor', '__proto__', 'toString hasOwnProperty', '***', 'the of']) {
    expect(() => search(query)).not.toThrow()
  }
})
