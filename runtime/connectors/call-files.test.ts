import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ActionDefinition } from './action-definition.ts'
import { type App, answer, startApp, write } from './call.fixture.ts'
import type { CallOptions } from './call.ts'
import type { LoadedFile } from './input-files.ts'
import { responseFileName, safeContentType, safeFileName } from './response-file.ts'
import { buildTraffic } from './traffic.ts'

let app: App
beforeAll(async () => {
  app = await startApp()
})
afterEach(() => {
  app.requests.length = 0
})
afterAll(() => app.close())

const kept = new Map<string, LoadedFile>()
const files: NonNullable<CallOptions['files']> = {
  size: async (id) => kept.get(id)?.bytes.byteLength ?? 0,
  read: async (id) => kept.get(id) ?? Promise.reject(new Error(`no ${id}`)),
  save: async (file) => {
    const id = `file_${String(kept.size).padStart(28, '0')}`
    kept.set(id, file)
    return { file: id, name: file.name, contentType: file.contentType, bytes: file.bytes.byteLength }
  },
}

test('bytes, text over 256 KB and JSON over 5 MB become files; what is smaller stays as it is', async () => {
  const png = new Uint8Array([0x89, 0x50, 0, 1])
  app.handler = answer(200, png, {
    'content-type': 'image/png',
    'content-disposition': 'attachment; filename="a.png"',
  })
  const { output } = await app.call({ files })
  expect(output).toMatchObject({ name: 'a.png', contentType: 'image/png', bytes: 4 })
  expect(kept.get((output as { file: string }).file)?.bytes).toEqual(Buffer.from(png))
  app.handler = answer(200, 'x'.repeat(256 * 1024 + 1), { 'content-type': 'text/csv' })
  expect((await app.call({ files })).output).toMatchObject({ name: 'thing', bytes: 262_145 })
  app.handler = answer(200, 'x'.repeat(256 * 1024), { 'content-type': 'text/csv' })
  expect((await app.call({ files })).output).toHaveLength(262_144)
  app.handler = answer(200, { a: 'x'.repeat(5 * 1024 * 1024) })
  expect((await app.call({ files })).output).toMatchObject({ contentType: 'application/json' })
  app.handler = answer(200, { a: 'x'.repeat(5 * 1024 * 1024 - 100) })
  expect((await app.call({ files })).output).toHaveProperty('a')
})

test('a stored file is sent where an action wants one: as a part, in a list, or as the whole body', async () => {
  const id = `file_${'a'.repeat(28)}`
  kept.set(id, { name: 'r.bin', contentType: 'application/x-thing', bytes: new Uint8Array([0, 255, 10]) })
  let body: Buffer = Buffer.alloc(0)
  app.handler = (_request, response, got) => {
    body = got
    response.writeHead(200).end()
  }
  const fileSchema = {
    anyOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: { base64: {}, filename: {}, contentType: {} },
        required: ['base64'],
        additionalProperties: false,
      },
    ],
  }
  const multipart: ActionDefinition = {
    ...write,
    body: { contentType: 'multipart/form-data', mode: 'merge', required: true },
    inputSchema: {
      type: 'object',
      properties: { doc: fileSchema, more: { type: 'array', items: fileSchema }, note: {} },
    },
  }
  const reference = { file: id, name: 'r.bin', contentType: 'application/x-thing', bytes: 3 }
  await app.call({
    files,
    action: multipart,
    input: { doc: reference, more: [{ file: id, filename: 'other' }], note: 'n' },
  })
  const text = body.toString('latin1')
  expect(text).toContain(
    'name="doc"; filename="r.bin"\r\nContent-Type: application/x-thing\r\n\r\n\u0000\u00ff\n\r\n',
  )
  expect(text).toContain('name="more"; filename="other"')
  expect(text).toContain('name="note"\r\n\r\nn')
  const whole: ActionDefinition = {
    ...write,
    body: { contentType: 'application/octet-stream', mode: 'whole', required: true },
    inputSchema: { type: 'object', properties: { body: fileSchema } },
  }
  await app.call({ files, action: whole, input: { body: { file: id } } })
  expect([...body]).toEqual([0, 255, 10])
  // The API says what it takes; the caller may say otherwise.
  expect(app.requests.at(-1)?.headers['content-type']).toBe('application/octet-stream')
  await app.call({ files, action: whole, input: { body: { file: id, contentType: 'application/x-thing' } } })
  expect(app.requests.at(-1)?.headers['content-type']).toBe('application/x-thing')
})

test('large bodies of all accounts together are in memory four at a time', async () => {
  let saving = 0
  let most = 0
  const slow: typeof files = {
    ...files,
    save: async (file) => {
      saving += 1
      most = Math.max(most, saving)
      await new Promise((done) => setTimeout(done, 20))
      saving -= 1
      return { file: '', name: file.name, contentType: '', bytes: 0 }
    },
  }
  const body = new Uint8Array(1024 * 1024 + 1)
  const traffic = buildTraffic()
  app.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png' })
    if (app.requests.length % 2 === 0) response.write(body.subarray(0, 1)) // without content-length
    response.end(body.subarray(app.requests.length % 2 === 0 ? 1 : 0))
  }
  const calls = Array.from({ length: 10 }, (_unused, n) =>
    app.call({ files: slow, traffic: { traffic, account: `cxn_${n}` } }),
  )
  await Promise.all(calls)
  expect(most).toBeLessThanOrEqual(4)
  expect(most).toBeGreaterThan(1)
})

test('error rules judge JSON, whatever its size, and not pictures', async () => {
  const errors = [{ when: { not: { ok: true } } }]
  app.handler = answer(200, new Uint8Array([0, 1]), { 'content-type': 'image/png' })
  expect((await app.call({ files, connector: { errors } })).output).toMatchObject({ bytes: 2 })
  const padding = 'x'.repeat(5 * 1024 * 1024)
  app.handler = answer(200, { ok: true, padding })
  expect((await app.call({ files, connector: { errors } })).output).toMatchObject({
    contentType: 'application/json',
  })
  app.handler = answer(200, { ok: false, padding })
  await expect(app.call({ files, connector: { errors } })).rejects.toThrow('means failure here')
})

test('in a JSON body {file} is data like any other', async () => {
  await app.call({ files, action: write, input: { file: `file_${'b'.repeat(28)}` } })
  expect(app.requests).toHaveLength(1)
})

test.each([
  ['../../etc/passwd', 'passwd'],
  ['C:\\Windows\\evil.exe', 'evil.exe'],
  ['..', 'file'],
  ['.htaccess', 'htaccess'],
  ['a\r\nSet-Cookie: x.txt', 'aSet-Cookie x.txt'],
  ['in\u202egnp.exe', 'ingnp.exe'],
  ['', 'file'],
  [`${'n'.repeat(500)}.tar`, `${'n'.repeat(196)}.tar`],
  ['naïve – файл.pdf', 'naïve – файл.pdf'],
])('the name %j is kept as %j', (given, kept_) => {
  expect(safeFileName(given)).toBe(kept_)
})

test('names come from Content-Disposition in each of its forms, else from the address', () => {
  const name = (disposition: string | undefined, url = 'https://a.example/x/report%20one.pdf?k=1') =>
    responseFileName({
      headers: disposition === undefined ? {} : { 'content-disposition': disposition },
      url,
    })
  expect(name('attachment; filename="a b.txt"')).toBe('a b.txt')
  expect(name("attachment; filename=x.txt; filename*=UTF-8''%e2%82%ac.txt")).toBe('€.txt')
  expect(name('attachment; filename="../../x"')).toBe('x')
  expect(name('attachment')).toBe('report one.pdf')
  expect(name(';;;')).toBe('report one.pdf')
  expect(name(undefined, 'https://a.example/')).toBe('file')
  expect(safeContentType('text/html; charset=utf-8')).toBe('text/html; charset=utf-8')
  expect(safeContentType('text/html\r\nx: y')).toBe('application/octet-stream')
})
