import { expect, test } from 'vitest'
import { describeOperation } from './describe-operation.ts'

const describe = (parts: Partial<Parameters<typeof describeOperation>[0]>) =>
  describeOperation({
    method: 'GET',
    path: '/repos/{owner}/issues',
    summary: '',
    madeTitle: '',
    description: '',
    tags: [],
    outputSchema: undefined,
    responseDescription: 'OK',
    ...parts,
  })

test.each<[string, Parameters<typeof describe>[0], string]>([
  [
    'summary and result',
    { summary: 'List issues', outputSchema: { type: 'array', items: { $ref: '#/schemas/Issue' } } },
    'List issues. Returns a list of Issue.',
  ],
  [
    'at most three sentences',
    { summary: 'List issues', description: 'Open ones first. Then closed. Then others.' },
    'List issues. Open ones first. Then closed.',
  ],
  [
    'a summary the description repeats is said once',
    { summary: 'List the issues', description: 'Lists the issues of a repository. Fast.' },
    'Lists the issues of a repository. Fast.',
  ],
  [
    'notes do not come first',
    { summary: 'List issues', description: 'Note: beta. It may change.' },
    'List issues.',
  ],
  ['the subject is named', { summary: 'List all' }, 'Issues: List all.'],
  ['an identifier is words', { summary: 'ListIssues' }, 'List issues.'],
  ['nothing but a path', {}, 'List issues of repos (GET /repos/{owner}/issues).'],
  [
    'nothing but an operationId',
    { madeTitle: 'Get issue', path: '/issues/{id}' },
    'Get issue (GET /issues/{id}).',
  ],
  [
    'a telling response',
    { summary: 'List issues', responseDescription: 'The open issues, newest first' },
    'List issues. Returns: The open issues, newest first.',
  ],
  [
    'fields of an unnamed result',
    { summary: 'Get issue', outputSchema: { type: 'object', properties: { id: {}, title: {} } } },
    'Get issue. Returns id, title.',
  ],
])('%s', (_name, parts, expected) => {
  expect(describe(parts)).toBe(expected)
})
