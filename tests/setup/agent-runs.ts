import { Readable } from 'node:stream'
import { runCli } from '../../server/cli/program.ts'
import type { Body, Tenant, TestPlatform } from './platform.ts'

const SETTLED = ['completed', 'failed', 'canceled', 'waiting']

/** The run when it has ended, or asks something. */
export async function settled(tenant: Tenant, run: Body, key?: string): Promise<Body> {
  let seen = run
  while (!SETTLED.includes(seen.status))
    seen = (await tenant.ok('get_agent_run', { run: run.id, waitSeconds: 20 }, key)).run
  return seen
}

/** Answers what the run asks; gives it as it is after that. */
export async function answerRun(tenant: Tenant, { id, question }: Body, answer: object): Promise<Body> {
  const given = { run: id, question: question.id, answer, waitSeconds: 20 }
  return settled(tenant, (await tenant.ok('answer_agent_run', given)).run)
}

/** `patchbay chat` against a platform, with the lines a person types. */
export const chatWith = (
  platform: TestPlatform,
  tenant: Tenant,
  args: readonly string[],
  lines: readonly string[] = [],
) => commandWith(platform, tenant, ['chat', ...args], lines)

/** `patchbay …` against a platform, with the lines of its input. */
export async function commandWith(
  platform: TestPlatform,
  tenant: Tenant,
  args: readonly string[],
  lines: readonly string[] = [],
): Promise<{ code: number; printed: string }> {
  let printed = ''
  const print = { write: (text: string) => (printed += text) }
  const code = await runCli([...args], {
    stdin: Readable.from(lines),
    stdout: print,
    stderr: print,
    env: {
      PATCHBAY_URL: platform.url,
      PATCHBAY_API_KEY: tenant.ownerKey,
      PATCHBAY_DATA_DIR: platform.config.dataDir,
    },
  })
  return { code, printed }
}
