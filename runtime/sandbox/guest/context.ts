import type { GuestJob, GuestServices } from './connect.ts'
import type { Failures } from './failure.ts'
import type { Primordials } from './primordials.ts'
import type { buildSteps } from './steps.ts'
import type { buildStores } from './stores.ts'

/**
 * Runs inside the isolate while the snapshot is made. Builds the globals `console`, `fetch` and `fastn`, and gives what
 * makes the frozen `ctx` once the job is there, all over one bridge. `ctx.input` itself is the workflow's to change.
 */
export function buildContext(
  p: Primordials,
  failures: Failures,
  services: GuestServices,
  job: GuestJob,
  stepsOver: typeof buildSteps,
  storesOver: typeof buildStores,
): () => object {
  const { call, log, refuse, bind } = services

  /** An object whose string properties are made on demand; symbols and `then` stay undefined, so it can be awaited. */
  function onDemand(get: (name: string) => unknown): object {
    return new p.Proxy(p.freeze({ __proto__: null }), {
      __proto__: null,
      get: (_target: unknown, name: unknown) =>
        typeof name !== 'string' || name === 'then' || name === 'toJSON' ? undefined : get(name),
    } as never)
  }

  const output = (answer: unknown) => (answer as { output?: unknown } | null)?.output
  const published = (answer: unknown) => {
    const reply = answer as Record<string, unknown>
    return {
      output: reply.output,
      success: true,
      status: reply.status,
      error: null,
      durationMs: reply.durationMs,
    }
  }
  const same = (answer: unknown) => answer

  function connectorsWith(pick: (answer: unknown) => unknown): object {
    const made: Record<string, object> = { __proto__: null } as never
    return onDemand((asked) => {
      const slug = slugOf(asked)
      if (slug === undefined) {
        const bound = job.connectors.length === 0 ? 'none' : p.join(job.connectors, ', ')
        throw refuse(
          'forbidden',
          'ForbiddenError',
          `This workflow is not bound to the connector '${asked}'.`,
          `Bound connectors: ${bound}.`,
          'dependency_error',
        )
      }
      const action =
        (name: string, with_: (answer: unknown) => unknown) => (args: unknown, options: unknown) => {
          const given = [slug, name, args === undefined ? {} : args]
          return call('connectors.call', options === undefined ? given : [...given, options], with_)
        }
      made[slug] ??= onDemand((name) =>
        name === 'raw'
          ? onDemand((rawName) => action(rawName, same))
          : withLists(action(name, pick), slug, name),
      )
      return made[slug]
    })
  }
  /** An action that can also be read page by page, where it says how its pages follow each other. */
  function withLists(action: object, slug: string, name: string): object {
    const pages = async function* (args: unknown, options: unknown) {
      const seen: Record<string, true> = { __proto__: null } as never
      const given = (failures.isObject(options) ? options : {}) as Record<string, unknown>
      const maxPages = typeof given.maxPages === 'number' ? given.maxPages : 10_000
      // Two pages may be asked for at once: the second is, when the first is there, by no code of the workflow.
      const ask = bind((at: unknown) =>
        call('connectors.page', [slug, name, args === undefined ? {} : args, at]),
      ) as (at: unknown) => Promise<unknown>
      let next = given.next
      for (let count = 0; ; count++) {
        if (count >= maxPages) {
          const hint = 'Take fewer with break, or allow more: {maxPages: …}.'
          throw refuse('limit_exceeded', 'LimitExceededError', `${count} pages of ${name} were read.`, hint)
        }
        const at = next === undefined ? {} : { next }
        const page = (await ask(
          given.connection === undefined ? at : { next, connection: given.connection },
        )) as { items: unknown[]; next: string | null; stopped: string | null }
        yield { items: page.items, next: page.next }
        if (page.stopped !== null || (page.next !== null && seen[page.next] === true)) {
          const why = page.stopped ?? 'The app led back to a page that was read already.'
          const hint = `Correct the pagination of the action ${name}.`
          throw refuse('upstream_error', 'UpstreamError', why, hint, 'upstream_error')
        }
        if (page.next === null) return
        seen[page.next] = true
        next = page.next
      }
    }
    const items = async function* (args: unknown, options: unknown) {
      for await (const page of pages(args, options)) {
        for (let i = 0; i < page.items.length; i++) yield page.items[i]
      }
    }
    const collect = (args: unknown, options: unknown) =>
      call('connectors.collect', [slug, name, args === undefined ? {} : args, options ?? {}])
    const lists: Record<string, unknown> = { __proto__: null, pages, items, collect } as never
    const names = p.keys(lists)
    for (let i = 0; i < names.length; i++) {
      const method = names[i] as string
      p.defineProperty(action, method, { __proto__: null, value: lists[method] } as never)
    }
    return p.freeze(action)
  }
  /** `google_sheets` also names `google-sheets`, which dot notation cannot spell. */
  function slugOf(asked: string): string | undefined {
    for (let i = 0; i < job.connectors.length; i++) if (job.connectors[i] === asked) return asked
    for (let i = 0; i < job.connectors.length; i++) {
      const slug = job.connectors[i] as string
      if (p.join(p.split(slug, '-'), '_') === asked) return slug
    }
    return undefined
  }

  const connectors = connectorsWith(output)
  const state = p.freeze({
    get: (key: unknown, options: unknown) => call('state.get', [key, options ?? {}]),
    set: (key: unknown, value: unknown, options: unknown) => call('state.set', [key, value, options ?? {}]),
    delete: (key: unknown, options: unknown) => call('state.delete', [key, options ?? {}]),
  })
  const secrets = p.freeze({ get: (name: unknown) => call('secrets.get', [name]) })
  const idOf = (file: unknown) => (failures.isObject(file) ? (file as Record<string, unknown>).file : file)
  const files = p.freeze({
    save: (file: unknown) => call('files.save', [file]),
    read: (file: unknown, options: unknown) => call('files.read', [idOf(file), options ?? {}]),
    info: (file: unknown) => call('files.info', [idOf(file)]),
  })
  const workflows = p.freeze({
    run: (slug: unknown, input: unknown) => call('workflows.run', [slug, input ?? null]),
    start: (slug: unknown, input: unknown) => call('workflows.start', [slug, input ?? null]),
  })

  const logger = (level: string) => {
    // A rest parameter is gathered by the language itself, not by anything the workflow can replace.
    return (...values: unknown[]) => log(level, values)
  }
  const logs = p.freeze({
    debug: logger('debug'),
    info: logger('info'),
    warn: logger('warn'),
    error: logger('error'),
  })

  function requestOf(init: unknown): Record<string, unknown> {
    const given = (init ?? {}) as Record<string, unknown>
    const request: Record<string, unknown> = {
      __proto__: null,
      method: p.toUpperCase(p.String(given.method ?? 'GET')),
    } as never
    const headers: Record<string, string> = { __proto__: null } as never
    if (failures.isObject(given.headers) && Symbol.iterator in given.headers) {
      for (const [name, value] of given.headers as Iterable<[unknown, unknown]>)
        headers[p.toLowerCase(p.String(name))] = p.String(value)
    } else if (failures.isObject(given.headers)) {
      const names = p.keys(given.headers)
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string
        headers[p.toLowerCase(name)] = p.String((given.headers as Record<string, unknown>)[name])
      }
    }
    const body = given.body
    if (body !== undefined && body !== null) {
      if (typeof body === 'string') request.body = body
      else if (p.tagOf(body) === '[object URLSearchParams]') {
        request.body = p.String(body)
        headers['content-type'] ??= 'application/x-www-form-urlencoded;charset=UTF-8'
      } else {
        throw refuse(
          'invalid_input',
          'InvalidInputError',
          'fetch: body must be text or URLSearchParams.',
          'Pass JSON.stringify(value) for JSON.',
        )
      }
    }
    request.headers = headers
    if (given.timeoutMs !== undefined) request.timeoutMs = given.timeoutMs
    if (given.redirect !== undefined) request.redirect = given.redirect
    return request
  }

  function response(answer: unknown): object {
    const { status, statusText, headers, body } = answer as {
      status: number
      statusText?: string
      headers?: Record<string, string>
      body?: string
    }
    const text = body ?? ''
    const json = () => p.parse(text) as unknown
    let data: unknown = text
    try {
      data = text === '' ? null : json()
    } catch {
      // Not JSON: `data` stays the text.
    }
    const readable = headers ?? {}
    p.defineProperty(readable, 'get', {
      __proto__: null,
      value: (name: unknown) => readable[p.toLowerCase(p.String(name))] ?? null,
    } as never)
    return p.freeze({
      ok: status >= 200 && status < 300,
      status,
      statusText: statusText ?? '',
      headers: readable,
      data,
      text: async () => text,
      json: async () => json(),
    })
  }
  const fetch = async (url: unknown, init: unknown) => {
    const { signal } = (failures.isObject(init) ? init : {}) as { signal?: AbortSignal | null }
    if (signal === undefined || signal === null)
      return call('fetch', [p.String(url), requestOf(init)], response)
    signal.throwIfAborted()
    // The request itself runs on to its end or its time limit; nobody waits for it any more.
    return new p.Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      p.promiseThen(call('fetch', [p.String(url), requestOf(init)], response), resolve, reject)
    })
  }

  const stores = storesOver(p, failures, services, files, workflows)
  const { step, sleep, wait, events } = stepsOver(p, failures, services, () => ctx)
  const frozen = (value: unknown): unknown => {
    if (!failures.isObject(value)) return value
    const names = p.keys(value)
    for (let i = 0; i < names.length; i++) frozen((value as Record<string, unknown>)[names[i] as string])
    return p.freeze(value)
  }
  let ctx: object
  const contextOfJob = () => {
    ctx = p.freeze({
      input: job.input,
      headers: frozen(job.headers),
      execution: frozen(job.context.execution),
      workflow: frozen(job.context.workflow),
      customer: frozen(job.context.customer),
      environment: job.context.environment,
      trigger: frozen(job.context.trigger),
      connectors,
      state,
      secrets,
      ...stores.ctx,
      fetch,
      step,
      sleep,
      wait,
      events,
      log: logs,
    })
    return ctx
  }

  // The published runtime's global: there, a connector call answers with the whole result.
  const fastn = p.freeze({
    connector: connectorsWith(published),
    connectors: connectorsWith(published),
    state,
    secrets,
    fetch,
    ...stores.fastn,
  })
  const globals: Record<string, unknown> = {
    __proto__: null as never,
    fetch,
    console: {
      debug: logs.debug,
      trace: logs.debug,
      log: logs.info,
      info: logs.info,
      dir: logs.info,
      table: logs.info,
      warn: logs.warn,
      error: logs.error,
    },
    fastn,
    Fastn: function Fastn() {
      return fastn
    },
  }
  const names = p.keys(globals)
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    p.defineProperty(globalThis, name, {
      __proto__: null,
      value: globals[name],
      writable: true,
      configurable: true,
      enumerable: false,
    } as never)
  }
  return contextOfJob
}
