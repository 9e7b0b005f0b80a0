import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

let taken: Server
let port: string
beforeAll(async () => {
  taken = createServer()
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done))
  port = String((taken.address() as AddressInfo).port)
})
afterAll(() => taken.close())

const run = (program: string, ...args: string[]) =>
  new Promise<{ code: unknown; stderr: string }>((done) => {
    const file = fileURLToPath(new URL(`../${program}`, import.meta.url))
    execFile(process.execPath, [file, ...args], (error, _stdout, stderr) =>
      done({ code: error?.code ?? 0, stderr }),
    )
  })

const SCRIPT = ['--script', fileURLToPath(new URL('./played-build.json', import.meta.url))]
const cases: [what: string, said: () => Promise<{ code: unknown; stderr: string }>, words: () => string][] = [
  ['a taken port, the ledger', () => run('demo/ledger.ts', '--port', port), () => `Port ${port} is taken`],
  ['no port', () => run('demo/ledger.ts', '--port', 'abc'), () => '--port is a number'],
  [
    'a taken port, the played model',
    () => run('evals/models/play.ts', ...SCRIPT, '--port', port),
    () => `Port ${port} is taken`,
  ],
  [
    'a script that is not there',
    () => run('evals/models/play.ts', '--script', 'no-such.json'),
    () => 'There is no file no-such.json',
  ],
  [
    'a script that is none',
    () => run('evals/models/play.ts', '--script', 'README.md'),
    () => 'README.md is not JSON',
  ],
  ['an unknown option', () => run('evals/run.ts', '--nope'), () => "Unknown option '--nope'"],
  [
    'a report that is not there',
    () => run('evals/run.ts', 'compare', 'no-such.json', 'b.json'),
    () => 'There is no file no-such.json',
  ],
]

test.each(cases)('%s: said in a sentence, without a stack', async (_what, said, words) => {
  const { code, stderr } = await said()
  expect(stderr).toContain(words())
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(code).toBe(2)
})
