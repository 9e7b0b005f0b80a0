import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { errorCodes } from '../../core/errors.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { loadTools } from '../../tools/registry.ts'
import { exitCodes } from '../cli/output.ts'
import { firstDifference } from './drift.ts'
import { renderReference } from './reference.ts'

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
const registry = await loadTools()

test('docs/reference.md says what the code does', () => {
  expect(firstDifference(page('reference.md'), renderReference(registry))).toBeUndefined()
})

test('the page is the same however often it is made', async () => {
  expect(renderReference(await loadTools())).toBe(renderReference(registry))
})

test('docs/errors.md lists every code with its status, exit code and retry', () => {
  const rows = [...page('errors.md').matchAll(/^\| `(\w+)` +\| (\d+) +\| (\d+) +\| (yes|no) +\|/gm)].map(
    (row) => row.slice(1),
  )
  expect(rows).toEqual(
    Object.entries(errorCodes).map(([code, { status, retryable }]) => [
      code,
      String(status),
      String(exitCodes[code as keyof typeof exitCodes]),
      retryable ? 'yes' : 'no',
    ]),
  )
})

test('a tool’s section has its fields, and an example that its own schema accepts', () => {
  const input = z.object({
    name: z
      .string()
      .regex(/^[A-Z]/)
      .describe('Shown name, e.g. "Acme Inc."'),
    kind: z.enum(['a', 'b']).describe('Which | sort.'),
    counts: z.array(z.number()).min(1).describe('Some.'),
    limit: z.number().default(5).describe('How many.'),
  })
  const tool: AnyTool = {
    name: 'do_it',
    title: 'Do it',
    description: 'Does it.',
    toolset: 'activity',
    input,
    output: z.object({ done: z.boolean(), at: z.string().nullable() }),
    permission: 'activity.read',
    effect: 'write',
    idempotent: true,
    http: 'PUT /it/:name',
    run: async () => ({}),
  }
  const text = renderReference({ all: [tool], get: () => tool })
  expect(text).toContain('`PUT /api/v1/it/:name` · permission: `activity.read` · effect: write, idempotent')
  expect(text).toContain('| `name` * | `string` | Shown name, e.g. "Acme Inc." |')
  expect(text).toContain('| `kind` * | `"a" \\| "b"` | Which \\| sort. |')
  expect(text).toContain('| `limit` | `number` | How many. Default: `5`. |')
  expect(text).toContain('Gives `done` (boolean), `at` (string | null).')
  const example = /patchbay -- do_it --json '(.+)'/.exec(text)?.[1] ?? ''
  expect(input.parse(JSON.parse(example))).toMatchObject({ name: 'Acme Inc.', kind: 'a' })
})

test('a drift is shown by its first line', () => {
  expect(firstDifference('a\nb\n', 'a\nb\n')).toBeUndefined()
  expect(firstDifference('a\nb\n', 'a\nc\n')).toContain('line 2:\n- b\n+ c')
  expect(firstDifference('a\n', 'a\n\nmore')).toContain('line 3:\n- (end of the page)\n+ more')
  expect(firstDifference('', 'a')).toContain('+ a')
  expect(firstDifference('a\nb', 'a')).toContain('- b\n+ (end of the page)')
})
