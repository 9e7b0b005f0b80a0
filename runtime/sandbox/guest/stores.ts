import type { GuestServices } from './connect.ts'
import type { Failures } from './failure.ts'
import type { Primordials } from './primordials.ts'

type Method = (...given: unknown[]) => unknown

/**
 * Runs inside the isolate: what of `ctx` keeps values (`cache`, `config`, `db`, the rest of `files`),
 * `workflows.map`, and what `fastn` calls all that.
 */
export function buildStores(
  p: Primordials,
  failures: Failures,
  { call, refuse }: GuestServices,
  files: object,
  workflows: { run: Method; start: Method },
) {
  const DEFAULT_AT_ONCE = 5
  const MAX_AT_ONCE = 20
  const MAX_INPUTS = 1000

  const cache = p.freeze({
    get: (key: unknown, options: unknown) => call('cache.get', [key, options ?? {}]),
    set: (key: unknown, value: unknown, options: unknown) => call('cache.set', [key, value, options ?? {}]),
    delete: (key: unknown, options: unknown) => call('cache.delete', [key, options ?? {}]),
  })
  const config = p.freeze({
    get: (key: unknown, environment: unknown) => call('config.get', [key, environment ?? null]),
    set: (key: unknown, value: unknown, environment: unknown) =>
      call('config.set', [key, value, environment ?? null]),
    delete: (key: unknown, environment: unknown) => call('config.delete', [key, environment ?? null]),
  })
  const db = p.freeze({
    get: (collection: unknown, key: unknown) => call('db.get', [collection, key]),
    put: (collection: unknown, key: unknown, record: unknown) => call('db.put', [collection, key, record]),
    delete: (collection: unknown, key: unknown) => call('db.delete', [collection, key]),
    query: (collection: unknown, options: unknown) => call('db.query', [collection, options ?? {}]),
  })
  const idOf = (file: unknown) => (failures.isObject(file) ? (file as Record<string, unknown>).file : file)

  const invalid = (message: string, hint: string) =>
    refuse('invalid_input', 'InvalidInputError', message, hint)

  /** Runs a workflow for each input, a few at a time; gives the outputs in the order of the inputs. */
  async function map(slug: unknown, inputs: unknown, options: unknown): Promise<unknown[]> {
    const list = inputs as unknown[]
    if (!p.isArray(inputs) || list.length > MAX_INPUTS) {
      const hint = "Write: await ctx.workflows.map('charge', orders, {concurrency: 5})."
      throw invalid(`ctx.workflows.map takes a slug and a list of up to ${MAX_INPUTS} inputs.`, hint)
    }
    const asked = failures.isObject(options) ? (options as Record<string, unknown>).concurrency : undefined
    const atOnce = asked === undefined ? DEFAULT_AT_ONCE : (asked as number)
    if (typeof atOnce !== 'number' || !(atOnce >= 1 && atOnce <= MAX_AT_ONCE)) {
      throw invalid(`concurrency is a number from 1 to ${MAX_AT_ONCE}.`, 'Leave it out for 5.')
    }
    const outputs: unknown[] = []
    const failed: unknown[] = []
    let next = 0
    async function lane() {
      while (next < list.length && failed.length === 0) {
        const at = next++
        try {
          outputs[at] = await workflows.run(slug, list[at])
        } catch (error) {
          failed[failed.length] = error
        }
      }
    }
    const lanes: Promise<void>[] = []
    for (let i = 0; i < atOnce && i < list.length; i++) lanes[i] = lane()
    for (let i = 0; i < lanes.length; i++) await lanes[i]
    if (failed.length > 0) throw failed[0]
    return outputs
  }

  return {
    ctx: {
      cache,
      config,
      db,
      files: p.freeze({ ...files, delete: (file: unknown) => call('files.delete', [idOf(file)]) }),
      workflows: p.freeze({ ...workflows, map }),
    },
    fastn: {
      cache: p.freeze({ ...cache, invalidate: cache.delete }),
      envConfig: config,
      db: p.freeze({
        query: async () => {
          throw invalid(
            'fastn.db.query: there is no SQL here.',
            'Keep records with ctx.db: put, get, delete, and query by field or key prefix.',
          )
        },
      }),
      files: p.freeze({
        write: (path: unknown, content: unknown) => call('textfiles.write', [path, content]),
        read: (path: unknown) => call('textfiles.read', [path]),
        delete: (path: unknown) => call('textfiles.delete', [path]),
        exists: (path: unknown) => call('textfiles.exists', [path]),
      }),
      flow: p.freeze({ invoke: workflows.run, invokeAsync: workflows.start, map }),
    },
  }
}
