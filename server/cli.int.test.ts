import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from './cli/program.ts'
import { clean, json, type Run, type RunOptions, spawnPatchbay } from './cli/testing.ts'
import { startTestServer, type TestServer } from './http/testing.ts'

let server: TestServer
/** The data folder a user has: where the server said it runs, and its owner's key. */
let folder: string

beforeAll(async () => {
  server = await startTestServer()
  folder = mkdtempSync(join(tmpdir(), 'patchbay-cli-'))
  writeFileSync(join(folder, 'server.json'), JSON.stringify({ url: server.url, pid: process.pid }))
  writeFileSync(join(folder, 'owner.key'), `${server.key}\n`)
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** `patchbay …`, in this process: the same entry as the program's, with other streams and settings. */
async function patchbay(args: string[], options: RunOptions = {}): Promise<Run> {
  let stdout = ''
  let stderr = ''
  const code = await runCli(args, {
    stdin: Readable.from([options.stdin ?? '']),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: { ...clean(process.env), PATCHBAY_DATA_DIR: folder, ...options.env },
  })
  return { code, stdout, stderr }
}

describe('calling tools of the running server', () => {
  test('flags are read by the tool’s input: text, JSON, numbers', async () => {
    const run = await patchbay(['create_customer', '--name', '42', '--metadata', '{"plan":"pro"}'])
    expect(json(run)).toMatchObject({ customer: { name: '42', metadata: { plan: 'pro' } } })
    expect(run.stdout.trim()).not.toContain('\n') // a program reads it
    const listed = await patchbay(['list_customers', '--query', '42', '--limit', '1'])
    expect(json(listed)).toMatchObject({ customers: [{ slug: '42' }] })
  })

  test('--json takes text, a file or standard input, and flags go over it', async () => {
    const file = join(folder, 'input.json')
    writeFileSync(file, '{"name":"From a file","slug":"from-a-file"}')
    const made = await Promise.all([
      patchbay(['create_customer', '--json', '{"name":"From text"}', '--slug', 'from-a-flag']),
      patchbay(['create_customer', '--json', `@${file}`]),
      patchbay(['create_customer', '--json', '-'], { stdin: '{"name":"From stdin"}' }),
    ])
    expect(made.map((run) => (json(run) as { customer: { slug: string } }).customer.slug)).toEqual([
      'from-a-flag',
      'from-a-file',
      'from-stdin',
    ])
  })

  test('a text flag is read from a file with @, and begins with @ with @@', async () => {
    const file = join(folder, 'name.txt')
    writeFileSync(file, 'Named in a file')
    const [read, escaped] = await Promise.all([
      patchbay(['create_customer', '--name', `@${file}`]),
      patchbay(['create_customer', '--name', '@@acme', '--slug', 'at-acme']),
    ])
    expect(json(read)).toMatchObject({ customer: { name: 'Named in a file' } })
    expect(json(escaped)).toMatchObject({ customer: { name: '@acme' } })
  })

  test('an error is told on stderr with what to do, and its class by the exit code', async () => {
    const viewer = await server.makeKey({ role: 'viewer' })
    const [invalid, missing, forbidden, unknownKey] = await Promise.all([
      patchbay(['create_customer', '--name', 'x', '--slug', 'Not A Slug']),
      patchbay(['update_customer', '--customer', 'nobody', '--name', 'x']),
      patchbay(['create_customer', '--name', 'x'], { env: { PATCHBAY_API_KEY: viewer } }),
      patchbay(['list_customers', '--api-key', `pk_live_${'x'.repeat(43)}`]),
    ])
    expect([invalid, missing, forbidden, unknownKey].map(({ code }) => code)).toEqual([2, 5, 4, 3])
    expect(invalid.stdout).toBe('')
    expect(invalid.stderr).toMatch(/^Error \(invalid_input\): .*slug.*\n {2}where: slug\n {2}next: {2}/)
  })

  test('the owner’s key is not sent to a server that is not the data folder’s', async () => {
    const seen: (string | undefined)[] = []
    const other = createServer((req, res) => {
      seen.push(req.headers.authorization)
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const refused = await patchbay(['--url', url, 'list_customers'])
    expect([refused.code, seen]).toEqual([11, []])
    const given = await patchbay(['list_customers', '--url', url, '--api-key', 'pk_test_mine'])
    expect([given.code, seen]).toEqual([0, ['Bearer pk_test_mine']])
    other.close()
  })

  test('a server that is not there, or is no Patchbay, is told apart from an error of the call', async () => {
    const page = createServer((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    })
    await new Promise<void>((done) => page.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}`
    const env = { PATCHBAY_API_KEY: server.key }
    const [away, noPatchbay] = await Promise.all([
      patchbay(['list_customers', '--url', 'http://127.0.0.1:1024'], { env }),
      patchbay(['list_customers', '--url', url], { env }),
    ])
    expect([away.code, noPatchbay.code]).toEqual([9, 8])
    expect(away.stderr).toContain('npm start')
    page.close()
  })
})

test('as a process it reads standard input, writes JSON, and exits with the class of the error', async () => {
  const made = await spawnPatchbay(folder, ['create_customer', '--json', '-'], { stdin: '{"name":"Piped"}' })
  expect(json(made)).toMatchObject({ customer: { slug: 'piped' } })
  const again = await spawnPatchbay(folder, ['create_customer', '--name', 'Piped'])
  expect([again.code, again.stdout]).toEqual([6, ''])
  expect(again.stderr).toMatch(/^Error \(conflict\)/)
})

describe('the command itself', () => {
  test('tools lists every tool, for a person and as JSON', async () => {
    const [text, asJson] = await Promise.all([patchbay(['tools']), patchbay(['tools', '--json'])])
    expect(text.stdout).toMatch(/create_customer +Create a customer/)
    expect(json(asJson)).toContainEqual(
      expect.objectContaining({
        name: 'create_customer',
        permission: 'customers.manage',
        http: 'POST /customers',
      }),
    )
  })

  test('describe shows the schemas of a tool', async () => {
    expect(json(await patchbay(['describe', 'create_customer']))).toMatchObject({
      name: 'create_customer',
      http: 'POST /api/v1/customers',
      input: { required: ['name'] },
      output: { properties: { customer: expect.any(Object) } },
    })
    expect(await patchbay(['describe', 'nothing'])).toMatchObject({ code: 2 })
  })

  test('help tells the fields of a tool and which are required', async () => {
    const { code, stdout } = await patchbay(['create_customer', '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/--name <text> +Display name, e\.g\. "Acme Inc\." \(required\)/)
  })

  test('a mistyped tool or flag is refused with the nearest one', async () => {
    const [tool, flag] = await Promise.all([
      patchbay(['create_custmer']),
      patchbay(['create_customer', '--nam', 'x']),
    ])
    expect([tool.code, flag.code]).toEqual([2, 2])
    expect(tool.stderr).toContain('Did you mean create_customer?')
    expect(flag.stderr).toContain('Did you mean --name?')
  })

  test('a setting that does not exist is refused', async () => {
    const run = await patchbay(['list_customers'], { env: { PATCHBAY_PROT: '1' } })
    expect(run.code).toBe(11)
    expect(run.stderr).toContain('PATCHBAY_PROT: no such setting')
  })
})
