import pLimit from 'p-limit'
import { Misuse } from '../demo/program.ts'
import { startTap } from './client/tap.ts'
import { startPlayedModel } from './models/played-model.ts'
import { startRecorder } from './models/recorder.ts'
import type { ScriptInput } from './models/script.ts'
import type { Report } from './records.ts'
import { runSuite } from './runner.ts'
import type { Servers } from './servers.ts'
import type { ModelAccess, Suite } from './suite.ts'
import { withReferences } from './valid.ts'

/** Whose times are compared with nothing; the policy itself is measured alone. */
const REFERENCES_AT_ONCE = 2

export interface SessionOptions {
  servers: Servers
  policy: string
  trials: number
  seed: number
  count: number
  maxSeconds: number
  settings: Record<string, string>
  /** Also run on the same tasks, once each. */
  beside: readonly string[]
  model?: Omit<ModelAccess, 'seen'>
  /** In place of a model, the script of the suite is played: as many tasks as it has. */
  played?: boolean
  /** Keeps what is asked of the model and answered, as a script that can be played. */
  record?: (script: ScriptInput) => void
  note(text: string): void
}

/**
 * A measurement that can be trusted: the policy, and beside it those it is compared with, each on the same tasks and in
 * an organization of its own, so that none finds what another left behind.
 */
export async function runSession<S>(suite: Suite<S>, given: SessionOptions): Promise<Report> {
  if (given.played !== true) return runWith(suite, given)
  const { seed, count, settings } = given
  const played = suite.played?.({ seed, count, settings })
  if (played === undefined) throw new Misuse(`Suite ${suite.name} has no script to be played.`)
  const model = await startPlayedModel(played.script)
  try {
    const access = { baseUrl: model.url, model: 'played' }
    return await runWith(suite, { ...given, count: played.count, model: access })
  } finally {
    await model.close()
  }
}

async function runWith<S>(suite: Suite<S>, options: SessionOptions): Promise<Report> {
  const report = await measured(suite, options.policy, options.trials, options)
  // No more tasks than the policy itself was given.
  const { model: _model, record: _record, played: _played, ...rest } = options
  const same = { ...rest, count: report.tasks.length, maxSeconds: 3_600 }
  const limit = pLimit(REFERENCES_AT_ONCE)
  const others = options.beside
    .filter((policy) => policy !== options.policy)
    .map((policy) =>
      limit(() => {
        options.note(`beside it: ${policy}`)
        return measured(suite, policy, 1, same)
      }),
    )
  return withReferences(report, await Promise.all(others))
}

async function measured<S>(
  suite: Suite<S>,
  policy: string,
  trials: number,
  options: SessionOptions,
): Promise<Report> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    const own = await suite.models?.[policy]?.()
    if (own !== undefined) closers.push(() => own.close())
    const access = own === undefined ? options : { ...options, model: { baseUrl: own.url, model: policy } }
    const model = await tapped(access, closers)
    const { doors, leave } = await options.servers.place(model)
    closers.push(leave)
    const { seed, count, maxSeconds, settings, note } = options
    return await runSuite(suite, {
      ...{ policy, trials, seed, count, maxSeconds, settings, note },
      doors,
      ...(model === undefined ? {} : { model }),
    })
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/** The model behind proxies that see, and when asked record, what it is sent. */
async function tapped(
  { model, record }: SessionOptions,
  closers: (() => Promise<unknown>)[],
): Promise<ModelAccess | undefined> {
  if (model === undefined) return undefined
  let upstream = model.baseUrl
  if (record !== undefined) {
    const recorder = await startRecorder(upstream)
    closers.push(async () => {
      record(recorder.recording())
      await recorder.close()
    })
    upstream = recorder.url
  }
  const tap = await startTap(upstream)
  closers.push(() => tap.close())
  return { ...model, baseUrl: tap.url, seen: tap.seen }
}
