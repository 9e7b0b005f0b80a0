import { afterAll, describe, expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import { type Bridge, buildSandbox } from './sandbox.ts'
import { echoBridge, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const run = async (body: string, bridge: Bridge = echoBridge()) =>
  outputOf(await sandbox.run(jobFor(workflow(body)), bridge))

/** The basic cases of the web platform's own tests, in our words: what the standards say of each global. */
describe('a workflow finds', () => {
  test.each<[string, string, Json]>([
    [
      'URL: relative, normalized, encoded, refused',
      `const u = new URL('//user:pw@EXAMPLE.com:443/a/./b/../c?q=ü#f', 'https://x.test/'); u.port = '8080'; u.searchParams.append('z', '1 2')
      return [u.href, u.origin, u.hostname, u.pathname, URL.canParse('nope'), URL.parse('nope'), (() => { try { new URL('nope') } catch (e) { return e instanceof TypeError } })(), new URL('file:///C|/x').href, new URL('http://0x7f.1/').host, JSON.stringify(new URL('http://[::1]:80/'))]`,
      [
        'https://user:pw@example.com:8080/a/c?q=%C3%BC&z=1+2#f',
        'https://example.com:8080',
        'example.com',
        '/a/c',
        false,
        null,
        true,
        'file:///C:/x',
        '127.0.0.1',
        '"http://[::1]/"',
      ],
    ],
    [
      'URLSearchParams: parsed, repeated, sorted, encoded',
      `const q = new URLSearchParams('?b=2&a=1&a=%F0%9F%98%80+x&c'); q.append('d', '&='); const all = q.getAll('a'); q.sort(); q.delete('b')
      return [String(q), all, q.has('c'), q.get('none'), q.size, String(new URLSearchParams([['x', '1'], ['y', '2']])), String(new URLSearchParams({ a: '~*' }))]`,
      ['a=1&a=%F0%9F%98%80+x&c=&d=%26%3D', ['1', '😀 x'], true, null, 4, 'x=1&y=2', 'a=%7E*'],
    ],
    [
      'TextEncoder: code points, lone surrogates, into a buffer',
      `const into = new Uint8Array(5); const e = new TextEncoder(); return [[...e.encode('a€😀\\ud800')], e.encodeInto('a€😀', into), [...into], e.encoding, e.encode().length]`,
      [
        [97, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189],
        { read: 2, written: 4 },
        [97, 226, 130, 172, 0],
        'utf-8',
        0,
      ],
    ],
    [
      'TextDecoder: byte order marks, broken bytes, streams, views',
      `const d = (bytes, o) => new TextDecoder('utf-8', o).decode(new Uint8Array(bytes)); const stream = new TextDecoder(' UTF8 '); const parts = [[0xef, 0xbb], [0xbf, 0xe2], [0x82], [0xac, 0xf0, 0x9f, 0x98], [0x80, 0x61]].map((b) => stream.decode(new Uint8Array(b), { stream: true })); parts.push(stream.decode(new Uint8Array([0xe2])))
      return [d([0xef, 0xbb, 0xbf, 65]), d([0xef, 0xbb, 0xbf, 65], { ignoreBOM: true }).length, d([0xc0, 0x80, 0xed, 0xa0, 0x80, 65]), parts.join('|'), new TextDecoder().decode(new DataView(new Uint8Array([1, 66, 67]).buffer, 1)), (() => { try { d([0xff], { fatal: true }) } catch (e) { return e instanceof TypeError } })(), (() => { try { new TextDecoder('nope') } catch (e) { return e instanceof RangeError } })()]`,
      ['A', 2, '\ufffd\ufffd\ufffd\ufffd\ufffdA', '|||€|😀a|\ufffd', 'BC', true, true],
    ],
    [
      'atob and btoa: white space, padding, what they refuse',
      `const name = (f) => { try { return f() } catch (e) { return e.name } }; return [btoa('\\xff\\0'), atob(' aGk '), atob('aGk='), name(() => atob('a')), name(() => btoa('€')), name(() => atob('*'))]`,
      ['/wA=', 'hi', 'hi', 'InvalidCharacterError', 'InvalidCharacterError', 'InvalidCharacterError'],
    ],
    [
      'structuredClone: cycles, types, what cannot be cloned',
      `const a = { at: new Date(5), re: /x/gi, map: new Map([[1, { b: 2 }]]), set: new Set(['s']), bytes: new Uint8Array([1, 2]), big: 5n, nothing: undefined, error: new RangeError('r'), holes: [, 1] }; a.self = a
      const b = structuredClone(a); const name = (f) => { try { return f() } catch (e) { return e.name + e.code } }
      return [b !== a && b.self === b, b.at.getTime(), String(b.re), b.map.get(1).b, b.set.has('s'), [...b.bytes], b.big === 5n, 'nothing' in b, b.error instanceof RangeError, 0 in b.holes, name(() => structuredClone(() => 1)), name(() => structuredClone(Symbol()))]`,
      [true, 5, '/x/gi', 2, true, [1, 2], true, true, true, false, 'DataCloneError25', 'DataCloneError25'],
    ],
    [
      'crypto: random values, their limits, identifiers',
      `const name = (f) => { try { return f() } catch (e) { return e.name } }; const a = new Uint32Array(4)
      return [crypto.getRandomValues(a) === a, a.some((x) => x > 0), name(() => crypto.getRandomValues(new Float64Array(1))), name(() => crypto.getRandomValues(new Uint8Array(65537))), name(() => crypto.getRandomValues({})), crypto.getRandomValues(new Uint8Array(65536)).length, /^[0-9a-f-]{36}$/.test(crypto.randomUUID())]`,
      [true, true, 'TypeMismatchError', 'QuotaExceededError', 'TypeMismatchError', 65536, true],
    ],
    [
      'AbortController and AbortSignal: reason, listeners, any, abort',
      `const seen = []; const c = new AbortController(); const { signal } = c; const joined = AbortSignal.any([new AbortController().signal, signal])
      signal.addEventListener('abort', (e) => seen.push(['listener', e.type, e.target === signal])); signal.addEventListener('abort', { handleEvent: () => seen.push('object') }, { once: true }); signal.onabort = () => seen.push('property'); joined.addEventListener('abort', () => seen.push('joined'))
      const before = [signal.aborted, signal.reason === undefined]; c.abort('why'); c.abort('again'); const name = (f) => { try { return f() } catch (e) { return e.name ?? e } }
      return [before, seen, signal.aborted, signal.reason, joined.reason, name(() => signal.throwIfAborted()), AbortSignal.abort().reason.name, name(() => new AbortSignal()), name(() => AbortSignal.timeout(5)), String(signal)]`,
      [
        [false, true],
        ['property', ['listener', 'abort', true], 'object', 'joined'],
        true,
        'why',
        'why',
        'why',
        'AbortError',
        'TypeError',
        'NotSupportedError',
        '[object AbortSignal]',
      ],
    ],
    [
      'EventTarget and Event: order, once, removal, cancelling, errors of listeners',
      `const seen = []; const t = new EventTarget(); const f = (e) => seen.push('f' + e.type); t.addEventListener('x', f); t.addEventListener('x', f); t.addEventListener('x', () => { throw new Error('listener') }); t.addEventListener('x', (e) => e.preventDefault(), { once: true }); const c = new AbortController(); t.addEventListener('x', () => seen.push('signalled'), { signal: c.signal }); class Mine extends EventTarget {}
      const first = t.dispatchEvent(new Event('x', { cancelable: true })); c.abort(); t.removeEventListener('x', f); const second = t.dispatchEvent(new Event('x', { cancelable: true }))
      return [first, second, seen, new Mine() instanceof EventTarget, new Event('y').defaultPrevented]`,
      [false, true, ['fx', 'signalled'], true, false],
    ],
    [
      'Headers: case, joining, order, cookies, what they refuse',
      `const h = new Headers({ 'X-B': ' 1 ', 'Content-Type': 'text/plain' }); h.append('x-b', '2'); h.append('Set-Cookie', 'a=1'); h.append('set-cookie', 'b=2'); h.delete('content-TYPE'); const name = (f) => { try { return f() } catch (e) { return e.name } }
      return [h.get('X-b'), h.has('content-type'), [...h], h.getSetCookie(), h.get('none'), new Headers(h).get('x-b'), name(() => h.set('a b', '1')), name(() => h.set('a', 'x\\ny')), [...new Headers([['k', 'v']]).keys()]]`,
      [
        '1, 2',
        false,
        [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['x-b', '1, 2'],
        ],
        ['a=1', 'b=2'],
        null,
        '1, 2',
        'TypeError',
        'TypeError',
        ['k'],
      ],
    ],
    [
      'queueMicrotask and DOMException',
      `const order = []; queueMicrotask(() => order.push(2)); order.push(1); await null; await null; const name = (f) => { try { return f() } catch (e) { return e.name } }; const e = new DOMException('m', 'AbortError')
      return [order, name(() => queueMicrotask(5)), e.name, e.code, e instanceof Error]`,
      [[1, 2], 'TypeError', 'AbortError', 20, true],
    ],
  ])('%s', async (_what, body, expected) => {
    expect(await run(body)).toEqual(expected)
  })
})

describe('fetch', () => {
  const answering: Bridge = async ({ args }) => ({ status: 200, headers: {}, body: JSON.stringify(args[1]) })

  test('sends headers given as Headers or as pairs', async () => {
    const body = `const sent = []
      for (const headers of [new Headers({ 'X-A': '1' }), [['X-A', '1']], { 'X-A': 1 }]) sent.push((await fetch('http://a.test/', { headers })).data.headers)
      return sent`
    expect(await run(body, answering)).toEqual(Array(3).fill({ 'x-a': '1' }))
  })

  test('is given up when its signal is aborted, before and while it waits', async () => {
    const body = `const c = new AbortController(); const early = await fetch('http://a.test/', { signal: AbortSignal.abort('early') }).catch((e) => e)
      const waiting = fetch('http://a.test/', { signal: c.signal }).catch((e) => e.name); ctx.state.get('k'); c.abort(); return [early, await waiting]`
    expect(await run(body, () => new Promise(() => undefined))).toEqual(['early', 'AbortError'])
  })
})

test.each(['Request', 'FormData', 'Blob', 'ReadableStream', 'performance'])(
  '%s is not there, and the error says what to use',
  async (name) => {
    const result = await sandbox.run(jobFor(workflow(`return new ${name}()`)), echoBridge())
    expect(result).toMatchObject({
      status: 'failed',
      error: { message: `${name} is not defined`, hint: expect.stringMatching(/.{20}/) },
    })
  },
)
