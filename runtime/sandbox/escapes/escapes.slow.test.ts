import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bridge, buildSandbox } from '../sandbox.ts'
import { childPids, echoBridge, jobFor, outputOf, silentLog } from '../testing.ts'
import { refusedBombs } from './bombs.ts'
import { bridge as bridgeEscapes } from './bridge.ts'
import { attackSource, checkSource } from './escape.ts'
import { exceptions } from './exceptions.ts'
import { functionConstructor } from './function-constructor.ts'
import { isolatedVm } from './isolated-vm.ts'
import { leftovers } from './leftovers.ts'
import { modulesAndWasm } from './modules-and-wasm.ts'
import { n8n } from './n8n.ts'
import { promises } from './promises.ts'
import { prototypes } from './prototypes.ts'
import { proxies } from './proxies.ts'
import { stackTraces } from './stack-traces.ts'
import { symbolsAndInspect } from './symbols-and-inspect.ts'

const classes = {
  'the function constructor': functionConstructor,
  'what escaped n8n': n8n,
  'stack traces': stackTraces,
  exceptions,
  promises,
  proxies,
  prototypes,
  'symbols and inspection': symbolsAndInspect,
  'modules, realms and WebAssembly': modulesAndWasm,
  'isolated-vm': isolatedVm,
  'the bridge': bridgeEscapes,
  'what is left behind': leftovers,
}

const CANARY = 'canary-93f1'
const folder = mkdtempSync(join(tmpdir(), 'patchbay-canary-'))
const canaryFile = join(folder, CANARY)
const echo = echoBridge()
/** One server process and one sandbox process for all of it: what an escape changes stays changed. */
const sandbox = buildSandbox({ processes: 1, log: silentLog })
const bridge: Bridge = async (call, signal, turn) => {
  if (call.args[0] === 'host-fails') throw new Error(`password=hunter2 in ${canaryFile}`)
  return echo(call, signal, turn)
}
const job = (source: string, customer: string, input = 'check') => ({
  ...jobFor(source, { input, limits: { memoryMb: 64, cpuMs: 10_000, timeoutMs: 20_000 } }),
  isolateKey: customer,
})

const names = (of: object) => Reflect.ownKeys(of).map(String)
/** What an escape into this process or into the sandbox's could change. */
function hostState() {
  const [pid] = childPids()
  return {
    pid,
    children: readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    ),
    folder: readlinkSync(`/proc/${pid}/cwd`),
    environment: readFileSync(`/proc/${pid}/environ`, 'utf8'),
    canary: readFileSync(canaryFile, 'utf8'),
    files: readdirSync(folder),
    ours: [globalThis, Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Error].map(
      names,
    ),
    env: Object.keys(process.env).length,
  }
}

let untouched = ''
let before: ReturnType<typeof hostState>
beforeAll(async () => {
  process.env.PATCHBAY_CANARY = CANARY
  writeFileSync(canaryFile, 'alive')
  untouched = String(outputOf(await sandbox.run(job(checkSource, 'bystander'), bridge)))
  before = hostState()
})
afterAll(async () => {
  delete process.env.PATCHBAY_CANARY
  rmSync(folder, { recursive: true })
  await sandbox.close()
})

describe.each(Object.entries(classes))('a workflow gets nowhere through %s:', (_class, escapes) => {
  test.each(escapes)('by $by ($source)', async ({ body, gives, fails }) => {
    const attack = job(attackSource(body), 'attacker', 'attack')
    const result = await sandbox.run(attack, bridge)
    if (fails === undefined) expect(outputOf(result)).toEqual(gives)
    else expect(result).toMatchObject({ status: 'failed', error: fails })
    const told = JSON.stringify([result, echo.calls.splice(0)])
    for (const secret of [CANARY, process.cwd(), 'hunter2', 'node_modules', 'patchbay:guest', 'isolated-vm/'])
      expect(told).not.toContain(secret)
    // The same isolate, and another customer's: neither finds anything of it.
    expect(outputOf(await sandbox.run({ ...attack, input: 'check' }, bridge))).toBe(untouched)
    expect(outputOf(await sandbox.run(job(checkSource, 'bystander'), bridge))).toBe(untouched)
  })
})

test.each(refusedBombs)('$what is contained', async ({ body, ends }) => {
  const bomb = job(attackSource(body), 'bomber', 'bomb')
  const result = await sandbox.run(bomb, bridge)
  const contained =
    result.status === 'completed'
      ? ends.some((end) => typeof end === 'object' && end.gives === result.output)
      : ends.includes(result.error.kind)
  expect(contained || result).toBe(true)
  expect(outputOf(await sandbox.run({ ...bomb, input: 'check' }, bridge))).toBe(untouched)
  expect(outputOf(await sandbox.run(job(checkSource, 'bystander'), bridge))).toBe(untouched)
})

test('after all of it, this process and the sandbox’s are what they were', () => {
  expect(hostState()).toEqual(before)
})
