import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import { buildHttpClient } from '../http/client.ts'
import type { ActionDefinition, Pagination } from './action-definition.ts'
import { callAction } from './call.ts'
import { nextLink, type PageAnswer, type PagePlace } from './next-page.ts'
import { collectPages, fromToken, type PageCall, pagesOf, toToken } from './paginate.ts'

/** An app that lists `items` as its API describes it; `size` is what it gives at most. */
type App = (items: Json[], size: number, request: PageCall) => Omit<PageAnswer, 'url'> & { url?: string }

const HERE = 'https://api.example.com/items'
const part = (items: Json[], from: number, size: number) => items.slice(from, from + size)
const number = (value: Json | undefined, otherwise: number) =>
  value === undefined ? otherwise : Number(value)
const asked = (input: JsonObject, size: number) => Math.min(number(input.limit, size), size)

const styles: Record<string, { pagination: Pagination; app: App }> = {
  'page from 1': {
    pagination: { type: 'page', parameter: 'page', sizeParameter: 'limit', items: '' },
    app: (items, size, { input }) => {
      const limit = asked(input, size)
      return { output: part(items, (number(input.page, 1) - 1) * limit, limit), headers: {} }
    },
  },
  'page from 0 with hasMore': {
    pagination: { type: 'page', parameter: 'p', firstPage: 0, items: 'data.list', hasMore: 'more' },
    app: (items, size, { input }) => {
      const from = number(input.p, 0) * size
      const output = { data: { list: part(items, from, size) }, more: from + size < items.length }
      return { output, headers: {} }
    },
  },
  'page past whose end is 404': {
    pagination: { type: 'page', parameter: 'page', items: 'results' },
    app: (items, size, { input }) => {
      const page = number(input.page, 1)
      const results = part(items, (page - 1) * size, size)
      if (page > 1 && results.length === 0 && items.length % size !== 0)
        throw new AppError('upstream_error', 'Invalid page', { data: { status: 404 } })
      return { output: { results }, headers: {} }
    },
  },
  offset: {
    pagination: { type: 'offset', parameter: 'offset', sizeParameter: 'limit', items: 'items' },
    app: (items, size, { input }) => ({
      output: { items: part(items, number(input.offset, 0), asked(input, size)) },
      headers: {},
    }),
  },
  'cursor that is the last id': {
    pagination: {
      type: 'cursor',
      parameter: 'after',
      next: 'data.-1.id',
      items: 'data',
      hasMore: 'has_more',
    },
    app: (items, size, { input }) => {
      const from = input.after === undefined ? 0 : items.findIndex((item) => idOf(item) === input.after) + 1
      return { output: { data: part(items, from, size), has_more: from + size < items.length }, headers: {} }
    },
  },
  'cursor token, with empty pages between': {
    pagination: { type: 'cursor', parameter: 'cursor', next: 'meta.next', items: 'items' },
    app: (items, size, { input }) => {
      const [from = 0, empty = 0] = String(input.cursor ?? '0,1')
        .split(',')
        .map(Number)
      if (empty === 1) return { output: { items: [], meta: { next: `${from},0` } }, headers: {} }
      const next = from + size < items.length ? { next: `${from + size},1` } : {}
      return { output: { items: part(items, from, size), meta: next }, headers: {} }
    },
  },
  'Link header': {
    pagination: { type: 'link', items: '' },
    app: (items, size, { page }) => {
      const from = Number(new URL(page.url ?? HERE).searchParams.get('from') ?? 0)
      const link = `<${HERE}?from=0>; rel="first", </items?from=${from + size}&q=%22,%3C>; rel="next"`
      return {
        output: part(items, from, size),
        headers: from + size < items.length ? { link } : { link: `<${HERE}>; rel="first"` },
        url: page.url ?? HERE,
      }
    },
  },
  'address in the body': {
    pagination: { type: 'link', next: 'paging.next', items: 'items' },
    app: (items, size, { page }) => {
      const from = Number(new URL(page.url ?? HERE).searchParams.get('from') ?? 0)
      const next = from + size < items.length ? `?from=${from + size}` : null
      return {
        output: { items: part(items, from, size), paging: { next } },
        headers: {},
        url: page.url ?? HERE,
      }
    },
  },
}

const idOf = (item: Json | undefined): Json | undefined => (item as { id: string }).id
const listOf = (length: number): Json[] => Array.from({ length }, (_unused, index) => ({ id: `i${index}` }))
const callOf =
  (app: App, items: Json[], size: number) =>
  async (request: PageCall): Promise<PageAnswer> => ({ url: HERE, ...app(items, size, request) })

describe.each(Object.entries(styles))('%s', (_name, { pagination, app }) => {
  test('for any list, page size and size asked for, each item comes once and in order', async () => {
    const sizes = fc.record({
      length: fc.integer({ min: 0, max: 40 }),
      size: fc.integer({ min: 1, max: 12 }),
      limit: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(sizes, async ({ length, size, limit }) => {
        const items = listOf(length)
        const input: JsonObject = limit === undefined ? {} : { limit }
        const got: Json[] = []
        for await (const page of pagesOf(pagination, input, callOf(app, items, size), { maxPages: 200 })) {
          expect(page.stopped).toBeUndefined()
          got.push(...page.items)
        }
        expect(got).toEqual(items)
      }),
      { numRuns: 30 },
    )
  })

  test('gathered in parts of any size, each going on from the one before, nothing is lost or doubled', async () => {
    const sizes = fc.record({
      length: fc.integer({ min: 0, max: 30 }),
      size: fc.integer({ min: 1, max: 7 }),
      maxItems: fc.integer({ min: 1, max: 11 }),
      maxBytes: fc.integer({ min: 20, max: 200 }),
      maxPages: fc.integer({ min: 1, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(sizes, async ({ length, size, ...limits }) => {
        const items = listOf(length)
        const got: Json[] = []
        let from: PagePlace | undefined
        for (let parts = 0; ; parts += 1) {
          expect(parts).toBeLessThan(200)
          const part = await collectPages(pagination, {}, callOf(app, items, size), { ...limits, from })
          expect(part.items.length).toBeLessThanOrEqual(limits.maxItems)
          expect(JSON.stringify(part.items).length).toBeLessThanOrEqual(Math.max(limits.maxBytes, 20))
          got.push(...part.items)
          expect(part.complete).toBe(part.next === null)
          if (part.next === null) break
          from = fromToken(toToken(part.next))
        }
        expect(got).toEqual(items)
      }),
      { numRuns: 30 },
    )
  })
})

const collect = (pagination: Pagination, app: App, limits = {}) =>
  collectPages(pagination, {}, callOf(app, listOf(5), 2), {
    maxItems: 1_000,
    maxPages: 1_000,
    maxBytes: 1_000_000,
    ...limits,
  })

test('an app that ignores which page is asked for is noticed after two pages, and items come once', async () => {
  for (const type of ['page', 'offset'] as const) {
    const same = await collect({ type, parameter: 'p', items: '' }, (items) => ({
      output: items,
      headers: {},
    }))
    expect(same).toMatchObject({ complete: false, next: null, pages: 2, stopped: { reason: 'circle' } })
    expect(same.items).toEqual(listOf(5))
  }
})

test('cursors and addresses that lead in a circle end, whatever its length', async () => {
  for (const length of [1, 2, 5]) {
    const circle = await collect(
      { type: 'cursor', parameter: 'c', next: 'next', items: 'items' },
      (_i, _s, { input }) => ({
        output: { items: [1], next: (number(input.c, 0) % length) + 1 },
        headers: {},
      }),
    )
    expect(circle).toMatchObject({ complete: false, next: null, stopped: { reason: 'circle' } })
    expect(circle.pages).toBe(length + 1)
  }
  const links = await collect({ type: 'link', items: '' }, (_i, _s, { page }) => ({
    output: [1],
    headers: { link: `</items?${page.url?.endsWith('a') === true ? 'b' : 'a'}>; rel=next` },
    url: page.url ?? HERE,
  }))
  expect(links).toMatchObject({ complete: false, pages: 3, stopped: { reason: 'circle' } })
})

test('pages without end and without items are given up, and pages without end stop at the bound', async () => {
  const endless: App = (_i, _s, { input }) => ({
    output: { items: [], n: number(input.c, 0) + 1 },
    headers: {},
  })
  const pagination: Pagination = { type: 'cursor', parameter: 'c', next: 'n', items: 'items' }
  const empty = await collect(pagination, endless)
  expect(empty).toMatchObject({ items: [], pages: 21, complete: false, stopped: { reason: 'circle' } })
  const full: App = (_i, _s, { input }) => ({
    output: { items: [{}], n: number(input.c, 0) + 1 },
    headers: {},
  })
  const bounded = await collect(pagination, full, { maxPages: 7 })
  expect(bounded).toMatchObject({ pages: 7, complete: false, stopped: { reason: 'limit' } })
  expect(bounded.next).toMatchObject({ value: 7 })
})

test('a page that fails keeps what came before it, and reading goes on from it', async () => {
  const { pagination, app } = styles['Link header'] ?? {}
  if (pagination === undefined || app === undefined) throw new Error('no such style')
  let broken = true
  const flaky: App = (items, size, request) => {
    if (broken && request.page.url?.endsWith('from=2&q=%22,%3C') === true)
      throw new AppError('upstream_error', 'It broke.', { data: { status: 503 } })
    return app(items, size, request)
  }
  const first = await collect(pagination, flaky)
  expect(first.items).toEqual(listOf(5).slice(0, 2))
  expect(first).toMatchObject({
    complete: false,
    stopped: { reason: 'error', message: 'Page 2 failed: It broke.', error: { code: 'upstream_error' } },
  })
  broken = false
  const rest = await collect(pagination, flaky, { from: first.next ?? undefined })
  expect(rest).toMatchObject({ items: listOf(5).slice(2), complete: true, next: null, stopped: null })
})

test('a first page that fails is an error like that of any call; a list that is none says where it was sought', async () => {
  const fails: App = () => {
    throw new AppError('upstream_error', 'It broke.', { data: { status: 404 } })
  }
  await expect(collect({ type: 'page', parameter: 'p', items: '' }, fails)).rejects.toThrow('It broke.')
  const none = collect({ type: 'page', parameter: 'p', items: 'data' }, () => ({
    output: { data: 'x' },
    headers: {},
  }))
  await expect(none).rejects.toThrow("'data' in the answer is no list")
})

test('an item larger than the whole room is replaced by a note, so that reading goes on', async () => {
  const big = { id: 'x'.repeat(500_000) }
  const got = await collect(
    { type: 'link', items: '' },
    () => ({ output: [big, { id: 'y' }], headers: {} }),
    {
      maxBytes: 200_000,
    },
  )
  expect(got.items).toMatchObject([{ truncated: true, bytes: 500_010 }, { id: 'y' }])
  expect(JSON.stringify(got.items).length).toBeLessThan(200_000)
})

test('a token somebody made up is refused', () => {
  for (const text of ['', 'x', toToken({ pages: -1 }), toToken({ pages: 0, url: 'file:///etc/passwd' })])
    expect(() => fromToken(text)).toThrow('no `next` of an earlier answer')
})

test('Link headers are read by RFC 8288: names in any case, several relations, commas in addresses; nonsense is none', () => {
  expect(nextLink('<https://a/b?x=1,2>; rel="prev", </c>; title="a, b"; rel="last next"')).toBe('/c')
  expect(nextLink('</n>; REL=next')).toBe('/n')
  for (const header of [
    undefined,
    '',
    '<',
    'garbage, more',
    '<a>; rel="prev"',
    `<${'a'.repeat(20_000)}>; rel=next`,
  ])
    expect(nextLink(header)).toBeUndefined()
})

describe('over HTTP', () => {
  const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
  const seen: { host: string; url: string; authorization: string | undefined }[] = []
  let next: (url: string) => string | undefined = () => undefined
  const server = createServer((request, response) => {
    seen.push({
      host: request.headers.host ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
    })
    const target = next(request.url ?? '')
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(target === undefined ? {} : { link: `<${target}>; rel="next"` }),
    })
    response.end(JSON.stringify([{ at: request.url }]))
  })
  let origin = ''
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await http.close()
    server.closeAllConnections()
    server.close()
  })

  const list: ActionDefinition = {
    slug: 'list',
    name: 'List',
    description: 'List.',
    method: 'GET',
    path: '/items',
    effect: 'read',
    idempotent: true,
    parameters: [],
    inputSchema: { type: 'object' },
    tags: [],
  }
  const read = (key?: { in: 'query' }) =>
    collectPages(
      { type: 'link', items: '' },
      {},
      ({ input, page }) =>
        callAction({
          http,
          connector: { slug: 'app', baseUrl: origin, schemas: {} },
          action: list,
          authMethod: {
            slug: 'm',
            type: key === undefined ? 'bearer_token' : 'api_key',
            name: 'M',
            ...key,
            ...(key && { parameterName: 'api_key' }),
          },
          credentials: new Secret({ token: 'tok_secret', apiKey: 'key_secret' }),
          input,
          ...(page.url === undefined ? {} : { url: page.url }),
        }),
      { maxItems: 100, maxPages: 10, maxBytes: 100_000 },
    )

  test('the credentials go with each page of the same origin', async () => {
    seen.length = 0
    next = (url) => (url === '/items' ? `${origin}/items?p=2` : undefined)
    expect(await read()).toMatchObject({ items: [{ at: '/items' }, { at: '/items?p=2' }], complete: true })
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer tok_secret', 'Bearer tok_secret'])
  })

  test.each([
    ['another port', 'http://127.0.0.1:1/items'],
    ['another host', 'http://localhost/items'],
    ['another scheme', 'ftp://127.0.0.1/items'],
    ['a name that only begins alike', 'http://127.0.0.1.evil.example/items'],
  ])('a next page at %s is not called, and what was got is kept', async (_what, target) => {
    seen.length = 0
    next = () => target
    const got = await read()
    expect(got).toMatchObject({ items: [{ at: '/items' }], complete: false, stopped: { reason: 'error' } })
    expect(got.stopped?.message).toContain('another origin')
    expect(seen).toHaveLength(1)
  })

  test('a key in the query that the app repeats in the address is sent once', async () => {
    seen.length = 0
    next = (url) => (url.includes('p=2') ? undefined : `${origin}${url}&p=2`)
    await read({ in: 'query' })
    expect(seen.map(({ url }) => url)).toEqual(['/items?api_key=key_secret', '/items?p=2&api_key=key_secret'])
  })
})
