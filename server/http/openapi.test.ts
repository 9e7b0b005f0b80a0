import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { AnyTool } from '../../tools/define-tool.ts'
import { loadTools } from '../../tools/registry.ts'
import { buildOpenApi } from './openapi.ts'

interface Operation {
  operationId: string
  parameters?: { name?: string; in?: string; required?: boolean; schema?: object; content?: object }[]
  requestBody?: { content: { 'application/json': { schema: { properties: object; required?: string[] } } } }
  responses: Record<string, { content: { 'application/json': { schema: object } } }>
}
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, { properties?: Record<string, object> }> }
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const registry = await loadTools()

/** Redocly's verdict, with its telemetry and its look for updates off. */
async function lint(document: unknown): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-openapi-'))
  const file = join(folder, 'openapi.json')
  writeFileSync(file, JSON.stringify(document))
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        join(root, 'node_modules/@redocly/cli/bin/cli.js'),
        'lint',
        file,
        '--config',
        'redocly.yaml',
        '--format',
        'json',
      ],
      {
        cwd: root,
        env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      },
    ).catch((error: { stdout: string }) => error)
    return stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const documentOf = (...tools: AnyTool[]) =>
  buildOpenApi({ all: tools, get: () => undefined }, '/api/v1') as Document

const tool = (part: Partial<AnyTool>): AnyTool => ({
  name: 'do_it',
  title: 'Do it',
  description: 'Does it.',
  toolset: 'activity',
  input: z.object({}),
  output: z.object({}),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /it',
  run: async () => ({}),
  ...part,
})

test('the description of all tools passes the strict rules of redocly, without a warning', async () => {
  const report = JSON.parse(await lint(buildOpenApi(registry, '/api/v1'))) as { problems: unknown[] }
  expect(report.problems).toEqual([])
})

test('the linter does find what is wrong', async () => {
  const broken = documentOf(tool({})) as unknown as {
    paths: Record<string, { get: { operationId?: string } }>
  }
  delete broken.paths['/it']?.get.operationId
  expect(await lint(broken)).toContain('operation-operationId')
})

test('every tool is an operation that carries its name', () => {
  const { paths } = buildOpenApi(registry, '/api/v1') as Document
  const ids = Object.values(paths).flatMap((item) =>
    Object.values(item).map((operation) => operation.operationId),
  )
  expect(ids.sort()).toEqual(
    [...registry.all.map(({ name }) => name), 'call_by_name', 'download_file'].sort(),
  )
})

test('input is split into path, query and body as the route says', () => {
  const input = z.object({
    id: z.string().describe('Which.'),
    limit: z.number().default(10),
    filter: z.record(z.string(), z.unknown()).optional(),
  })
  const { paths } = documentOf(
    tool({ input, http: 'GET /its/:id' }),
    tool({ name: 'change_it', input, http: 'PUT /its/:id', effect: 'write' }),
  )
  const item = paths['/its/{id}']
  expect(item?.get?.parameters).toEqual([
    { name: 'id', in: 'path', required: true, description: 'Which.', schema: { type: 'string' } },
    { name: 'limit', in: 'query', required: false, schema: { type: 'number', default: 10 } },
    {
      name: 'filter',
      in: 'query',
      required: false,
      content: { 'application/json': { schema: { type: 'object', additionalProperties: {} } } },
    },
  ])
  expect(item?.get?.requestBody).toBeUndefined()
  expect(item?.put?.parameters?.map(({ name }) => name)).toEqual(['id', undefined]) // and the Idempotency-Key
  expect(Object.keys(item?.put?.requestBody?.content['application/json'].schema.properties ?? {})).toEqual([
    'limit',
    'filter',
  ])
})

test('a schema that refers to itself is valid in the document', async () => {
  interface Node {
    name: string
    children: Node[]
  }
  const Node: z.ZodType<Node> = z.lazy(() => z.object({ name: z.string(), children: z.array(Node) }))
  const tree = z.object({ root: Node })
  const document = documentOf(
    tool({ name: 'plant', http: 'POST /trees', effect: 'write', input: tree, output: tree }),
  )
  expect(JSON.parse(await lint(document))).toMatchObject({ problems: [] })
  expect(JSON.stringify(document)).not.toContain('#/$defs')
})

test('times are texts in the description, though handlers give dates', () => {
  const at = z
    .date()
    .transform((date) => date.toISOString())
    .or(z.iso.datetime())
  const { components } = documentOf(tool({ output: z.object({ at }) }))
  expect(components.schemas.do_it_output?.properties?.at).toEqual({ type: 'string', format: 'date-time' })
})
