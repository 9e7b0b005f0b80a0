import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import { serverOf } from './call.ts'
import type { Io } from './output.ts'
import type { TargetOptions } from './program.ts'

const harness = fileURLToPath(new URL('../../evals/own.ts', import.meta.url))

interface EvalFlags extends TargetOptions {
  cases?: string
  run?: string
  connection?: string
  customer?: string
  allowWrites?: boolean
  trials?: string
  json?: string
  html?: string
}

/** `patchbay eval`: the harness on the user's own workflows and connectors. It is a program of its own that uses the server's doors. */
export function addEvalCommand(
  program: Command,
  io: Io,
  { withTarget, onFailure }: { withTarget(command: Command): void; onFailure(code: number): never },
): void {
  const command = program
    .command('eval <kind> <slug>')
    .helpGroup('Agents:')
    .description(
      'Measure a workflow on its test cases (eval workflow order-sync --cases cases.json), or a connector’s actions with a test account (eval connector shop): pass rates, and a report to read.',
    )
    .option('--cases <file>', 'test cases of the workflow, as JSON; see docs/evals.md')
    .option(
      '--run <id>',
      'in place of them, the agent’s run that wrote them: build_workflow, write_test_cases',
    )
    .option('--connection <name>', 'connection of the test account')
    .option('--customer <id>', 'customer whose account is used')
    .option('--allow-writes', 'the test may create, change and delete things in the account')
    .option('--trials <n>', 'how often each is tried', '1')
    .option('--json <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a page')
  withTarget(command)
  command.action(async (kind: string, slug: string, flags: EvalFlags) => {
    const server = await serverOf(readConfig(io.env), { ...flags, ...program.opts<TargetOptions>() })
    if (server === undefined) {
      throw new AppError('unavailable', 'No server runs on this data folder.', {
        hint: 'Start one with `npm start`, or name one with --url.',
      })
    }
    const code = await run(io, [kind, slug, ...argumentsOf(flags)], server)
    if (code !== 0) onFailure(code)
  })
}

function argumentsOf(flags: EvalFlags): string[] {
  const named = (['cases', 'run', 'connection', 'customer', 'trials', 'json', 'html'] as const).flatMap(
    (name) => (flags[name] === undefined ? [] : [`--${name}`, flags[name]]),
  )
  return flags.allowWrites === true ? [...named, '--allow-writes'] : named
}

/** The key goes by the environment: arguments can be read by every user of the machine. */
function run(io: Io, args: string[], { url, key }: { url: string; key: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [harness, ...args], {
      env: { PATH: io.env.PATH ?? '', PATCHBAY_EVAL_URL: url, PATCHBAY_EVAL_KEY: key },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.on('data', (chunk: Buffer) => io.stdout.write(chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => io.stderr.write(chunk.toString('utf8')))
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
