import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { importSpecApart } from '../runtime/connectors/import/import-apart.ts'
import { importSpec } from '../runtime/connectors/import/import-spec.ts'
import { dereference } from './dereference.ts'
import { closedLoop, compare } from './measure.ts'

const ROUNDS = 5
const github = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json')
const stripe = fileURLToPath(new URL('../../shared/data/specs/openapi3/stripe.yaml', import.meta.url))

async function dereferenceApart(path: string): Promise<void> {
  const thread = new Worker(new URL('./dereference-thread.ts', import.meta.url), { workerData: path })
  await once(thread, 'message')
  await thread.terminate()
}

/**
 * An import against @apidevtools/swagger-parser reading and dereferencing the same file alone: both warm in this
 * thread, and both in a new thread each, which is how the product imports.
 */
export async function benchImport(): Promise<void> {
  console.log('\nImporting a description against swagger-parser only dereferencing the same file')
  for (const [name, path] of [
    ['Stripe (YAML, 3.8 MB)', stripe],
    ['GitHub (JSON)', github],
  ] as const) {
    if (!existsSync(path)) {
      console.log(`  ${name}: left out, the file is not there`)
      continue
    }
    const text = readFileSync(path, 'utf8')
    for (const [how, read, alone] of [
      ['warm, in this thread', importSpec, dereference],
      ['a new thread each', importSpecApart, dereferenceApart],
    ] as const) {
      const { ours, limit, ratio } = await compare(
        ROUNDS,
        () => closedLoop(1, 1, () => read({ text })),
        () => closedLoop(1, 1, () => alone(path)),
      )
      console.log(
        `  ${`${name}, ${how}`.padEnd(46)} ${ours.p50Ms.toFixed(0).padStart(5)} ms   alone ${limit.p50Ms.toFixed(0).padStart(5)} ms   times as long ${(1 / ratio).toFixed(2)}`,
      )
    }
  }
}
