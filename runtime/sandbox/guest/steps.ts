import type { GuestServices } from './connect.ts'
import type { Failures } from './failure.ts'
import type { Primordials } from './primordials.ts'

/** Runs inside the isolate: what of `ctx` outlives a run. The calls that the function of a step makes are part of it. */
export function buildSteps(
  p: Primordials,
  failures: Failures,
  services: GuestServices,
  context: () => object,
) {
  const { call, refuse, stepNow, goOnIn } = services

  async function step(name: unknown, run: unknown): Promise<unknown> {
    if (typeof run !== 'function') {
      throw refuse(
        'invalid_input',
        'InvalidInputError',
        'ctx.step takes a name and a function.',
        "Write: await ctx.step('charge', async (ctx) => { … }).",
      )
    }
    const outer = stepNow()
    const begun = (await call('step.begin', [name])) as { done: boolean; value?: unknown; scope?: string }
    if (begun.done) return begun.value
    const scope = begun.scope as string
    goOnIn(scope)
    let value: unknown
    try {
      value = await p.apply(run as () => unknown, undefined, [context()])
    } catch (error) {
      goOnIn(outer)
      await call('step.fail', [scope])
      throw error
    }
    goOnIn(outer)
    const kept = value === undefined ? null : value
    await call('step.end', [scope, kept])
    // What it gives is what it would give when it is taken from the record: plain JSON.
    return p.parse(p.stringify(kept) ?? 'null')
  }

  const wait = p.freeze({
    event: (name: unknown, options: unknown) => call('wait.event', [name, options ?? {}]),
    approval: (request: unknown) =>
      call('wait.approval', [failures.isObject(request) ? request : { title: request }]),
  })
  const events = p.freeze({
    send: (name: unknown, event: unknown) => call('events.send', [name, event ?? {}]),
  })
  return { step, sleep: (length: unknown) => call('sleep', [length]), wait, events }
}
