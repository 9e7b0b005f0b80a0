import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { importSpec } from '../connectors/import/index.ts'
import { compilerOptions } from './check-types.ts'
import { compile } from './compiler.ts'
import { contextTypes } from './context-types.ts'
import { declareConnector } from './declare-connector.ts'
import { globalTypes } from './global-types.ts'

const check = (name: string, code: string, connectors = 'interface Connectors {}') =>
  compile(
    { 'globals.d.ts': globalTypes, 'ctx.d.ts': contextTypes, 'connectors.d.ts': connectors, [name]: code },
    compilerOptions,
    [name],
  )

test.each([
  [
    'types that double',
    `type D<T, N extends any[] = []> = N['length'] extends 40 ? T : D<[...(T extends any[] ? T : [T]), ...(T extends any[] ? T : [T])], [...N, 1]>\nexport const x: D<[1]> = 5 as never`,
  ],
  [
    'unions of every text',
    `type C = 'a'|'b'|'c'|'d'|'e'|'f'|'g'|'h'|'i'|'j'\nexport const x: \`\${C}\${C}\${C}\${C}\${C}\${C}\` = 'z'`,
  ],
  [
    'a type that goes on for ever',
    `type F<T> = { a: F<F<T>> }\ndeclare let a: F<1>, b: F<2>\na = b\nexport {}`,
  ],
  ['deep nesting', `export const x: ${'['.repeat(5_000)}1${']'.repeat(5_000)} = 1 as never`],
])('%s end with an answer, and the next check is none the worse', async (_name, code) => {
  const value = await check('workflow.ts', code).catch((error: AppError) => error)
  expect(Array.isArray(value) || ['timeout', 'unavailable'].includes((value as AppError).code)).toBe(true)
  expect(await check('workflow.ts', 'export const a: string = 1')).toHaveLength(1)
})

test('all of GitHub becomes types, and a workflow is checked against them', async () => {
  const text = readFileSync(
    join(import.meta.dirname, '../../node_modules/@octokit/openapi/generated/api.github.com.json'),
    'utf8',
  )
  const { definition } = await importSpec({ text })
  const types = await declareConnector({
    ...definition,
    slug: 'github',
    others: [],
    actions: definition.actions.map((action) => ({
      ...action,
      deprecated: action.deprecated === true,
      outputSchema: action.outputSchema,
      items: action.pagination?.items,
    })),
  })
  expect(types.match(/^ {4}\w+: \{ input/gm)).toHaveLength(706)
  const workflow = `export default async (ctx: WorkflowContext) => {
    const issue = await ctx.connectors.github.issues_create({ owner: 'a', repo: 'b', titel: 'c' })
    for await (const one of ctx.connectors.github.issues_list_for_repo.items({ owner: 'a', repo: 'b' })) one.titl
    return issue.numbr
  }`
  const said = await check(
    'workflow.ts',
    workflow,
    `${types}\ninterface Connectors { github: GithubTypes.Actions }`,
  )
  expect(said.map(({ text: message }) => message)).toEqual([
    expect.stringContaining("Property 'title' is missing"),
    expect.stringContaining("Did you mean 'title'?"),
    expect.stringContaining("Did you mean 'number'?"),
  ])
})
