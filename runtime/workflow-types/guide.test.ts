import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { validateWorkflow } from '../sandbox/prepare.ts'
import { annotate } from './annotate.ts'
import { compilerOptions } from './check-types.ts'
import { compile } from './compiler.ts'
import { contextTypes } from './context-types.ts'
import { globalTypes } from './global-types.ts'

const guide = readFileSync(new URL('../../docs/ctx.md', import.meta.url), 'utf8')

test('every member and global docs/ctx.md names exists, and its example is sound', async () => {
  const members = [...new Set(guide.match(/\b(?:ctx|fastn)(?:\.[a-zA-Z]+)+/g))].filter(
    (name) => name !== 'ctx.md',
  )
  expect(members.length).toBeGreaterThan(45)
  const web = /Of the web's globals there are(.*?)\.\n/s.exec(guide)?.[1]?.match(/`\w+`/g) ?? []
  expect(web.length).toBeGreaterThan(10)
  const example = /```js\n(.*?)```/s.exec(guide)?.[1] ?? ''
  const { read, issues } = validateWorkflow(example)
  if (read === undefined) throw new Error(JSON.stringify(issues))
  const files = {
    'globals.d.ts': globalTypes,
    'ctx.d.ts': `${contextTypes}\ninterface Connectors { shop: AnyActions }\ndeclare const ctx: WorkflowContext`,
    'members.js': `${[...members, ...web.map((name) => name.slice(1, -1))].map((name) => `void ${name}`).join('\n')}\nexport {}`,
    'example.js': annotate(example, read).code,
  }
  const said = await compile(files, compilerOptions, ['members.js', 'example.js'])
  expect(said.map(({ text }) => text)).toEqual([])
})
