import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import Stripe from 'stripe'
import { expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'
import { serializeBody } from './serialize-body.ts'

const form = (value: Json, encoding?: ActionBody['encoding']) =>
  String(
    serializeBody(
      {
        contentType: 'application/x-www-form-urlencoded',
        mode: 'merge',
        required: true,
        ...(encoding === undefined ? {} : { encoding }),
      },
      value,
    ).body,
  )

const multipart = (value: Json, encoding?: ActionBody['encoding']) => {
  const { contentType, body } = serializeBody(
    {
      contentType: 'multipart/form-data',
      mode: 'merge',
      required: true,
      ...(encoding === undefined ? {} : { encoding }),
    },
    value,
  )
  return new Response(Buffer.from(body), { headers: { 'content-type': contentType } }).formData()
}

test('JSON bodies are JSON, also under +json types', () => {
  for (const contentType of ['application/json; charset=utf-8', 'application/vnd.api+json']) {
    const sent = serializeBody({ contentType, mode: 'whole', required: true }, { a: [1, null] })
    expect(sent).toEqual({ contentType, body: '{"a":[1,null]}' })
  }
})

test('form arrays repeat their name, objects are JSON, null is empty', () => {
  expect(decodeURIComponent(form({ a: [1, 2], b: { c: 1 }, d: null, e: false }))).toBe(
    'a=1&a=2&b={"c":1}&d=&e=false',
  )
})

test('deepObject fields nest the way Stripe reads them', () => {
  const deep = { style: 'deepObject', explode: true } as const
  const text = form(
    {
      amount: 2000,
      metadata: { order: '6 & 7' },
      expand: ['customer'],
      items: [{ price: 'p', tiers: [{ up_to: 1 }] }],
    },
    { metadata: deep, expand: deep, items: deep },
  )
  expect([...new URLSearchParams(text)]).toEqual([
    ['amount', '2000'],
    ['metadata[order]', '6 & 7'],
    ['expand[0]', 'customer'],
    ['items[0][price]', 'p'],
    ['items[0][tiers][0][up_to]', '1'],
  ])
})

test('scalar form fields come back unchanged from a form parser', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })), (fields) => {
      expect([...new URLSearchParams(form(fields))]).toEqual(Object.entries(fields))
    }),
  )
})

test('a form body that is not an object is refused, naming the field', () => {
  expect(() => form(['a'])).toThrow(/object of fields/)
})

test('multipart text, files, arrays and objects are read back by an independent parser', async () => {
  const data = await multipart({
    title: 'Grüße "quoted"\nline',
    tags: ['a', 'b'],
    meta: { x: 1 },
    file: {
      base64: Buffer.from([0, 1, 2, 255]).toString('base64'),
      filename: 'a"b.bin',
      contentType: 'image/png',
    },
  })
  expect(data.get('title')).toBe('Grüße "quoted"\nline')
  expect(data.getAll('tags')).toEqual(['a', 'b'])
  const file = data.get('file') as File
  expect(file.type).toBe('image/png')
  expect(new Uint8Array(await file.arrayBuffer())).toEqual(new Uint8Array([0, 1, 2, 255]))
  expect(data.get('meta')).toBe('{"x":1}')
})

test('a quote or line break in a field or file name cannot add a header or a part', async () => {
  const name = 'x"\r\nContent-Type: evil\r\n\r\nboo'
  const { body } = serializeBody(
    { contentType: 'multipart/form-data', mode: 'merge', required: true },
    { [name]: 'v' },
  )
  expect(Buffer.from(body).toString()).not.toContain('\r\nContent-Type: evil')
})

test.each([
  ['../../etc/passwd', 'passwd'],
  ['C:\\\\temp\\\\a.txt', 'a.txt'],
  ['ends with\\\\', 'file'],
  ['..', 'file'],
  ['a"; filename="b', 'a%22; filename=%22b'],
  ['a\r\nX-Evil: 1', 'a%0D%0AX-Evil: 1'],
])('the file name %j is sent as %j', async (filename, sent) => {
  const { body } = serializeBody(
    { contentType: 'multipart/form-data', mode: 'merge', required: true },
    { f: { base64: 'AA==', filename } },
  )
  expect(Buffer.from(body).toString()).toContain(`; filename="${sent}"\r\n`)
})

test('forms nest exactly as the library of Stripe encodes them', () => {
  const require = createRequire(import.meta.url)
  // Not exported; it is what the library sends bodies and queries by.
  const { queryStringifyRequestData } = require(join(dirname(require.resolve('stripe')), 'utils.js')) as {
    queryStringifyRequestData(data: object): string
  }
  const pairs = (text: string) => [...new URLSearchParams(text)]
  const { tree } = fc.letrec<{ tree: Json; leaf: Json; list: Json; object: Json }>((tie) => ({
    leaf: fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean()),
    list: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    object: fc.dictionary(fc.string({ minLength: 1 }), tie('tree'), { minKeys: 1, maxKeys: 3 }),
    tree: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('list'), tie('object')),
  }))
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tree, { minKeys: 1, maxKeys: 4 }),
      (value) => {
        const deep = { style: 'deepObject', explode: true } as const
        const encoding = Object.fromEntries(Object.keys(value).map((name) => [name, deep]))
        expect(pairs(form(value, encoding))).toEqual(pairs(queryStringifyRequestData(value)))
      },
    ),
  )
})

const FORM: ActionBody = { contentType: 'multipart/form-data', mode: 'merge', required: true }
const named = (data: FormData) =>
  [...data].map(([name, value]) => [name, value instanceof File ? value.name : value])

test('multipart fields of the style deepObject are named as the library of Stripe names them', async () => {
  let theirs: Promise<FormData> | undefined
  const client = new Stripe('sk_test_x', {
    maxNetworkRetries: 0,
    httpClient: Stripe.createFetchHttpClient((async (_url: string, init: RequestInit) => {
      theirs = new Response(init.body ?? null, { headers: new Headers(init.headers) }).formData()
      return Response.json({ id: 'file_1' })
    }) as typeof fetch),
  })
  const value = {
    purpose: 'dispute_evidence',
    expand: ['a', 'b'],
    file_link_data: { create: true, metadata: { order: '6' } },
  } as const
  const file = { data: Buffer.from('x'), name: 'a', type: 'text/plain' }
  await client.files.create({ ...value, expand: [...value.expand], file })
  const deep = { style: 'deepObject', explode: true } as const
  const ours = await multipart(
    { ...value, expand: [...value.expand], file: { base64: 'eA==', filename: 'a' } },
    { expand: deep, file_link_data: deep },
  )
  expect(named(ours).sort()).toEqual(named((await theirs) ?? new FormData()).sort())
})

test('where an API writes lists as name[], multipart lists, files and objects are named so', async () => {
  const brackets = { brackets: true }
  const data = await multipart(
    {
      image: [
        { base64: 'AA==', filename: 'a.png' },
        { base64: 'AA==', filename: 'b.png' },
      ],
      mask: { base64: 'AA==', filename: 'm.png' },
      expires_after: { anchor: 'created_at', seconds: 5 },
      model: 'x',
    },
    { image: brackets, mask: brackets, expires_after: brackets, model: brackets },
  )
  expect(named(data)).toEqual([
    ['image[]', 'a.png'],
    ['image[]', 'b.png'],
    ['mask', 'm.png'],
    ['expires_after[anchor]', 'created_at'],
    ['expires_after[seconds]', '5'],
    ['model', 'x'],
  ])
})

test.each(['x', 'data:image/png;base64,AA==', 'a b%'])(
  '%j is refused as base64: it would be sent as garbage',
  (base64) => {
    const body: ActionBody = { ...FORM, properties: { body_file: 'file' } }
    expect(() => serializeBody(body, { file: { base64 } })).toThrow(
      expect.objectContaining({ code: 'invalid_input', where: 'input.body_file.base64' }),
    )
  },
)

test.each([
  ['in lines', 'AAEC\r\n/w==\n'],
  ['without padding', 'AAEC/w'],
  ['of the URL alphabet', 'AAEC_w=='],
])('base64 %s is read', (_how, base64) => {
  const octets: ActionBody = { contentType: 'application/octet-stream', mode: 'whole', required: true }
  expect(Buffer.from(serializeBody(octets, { base64 }).body)).toEqual(Buffer.from([0, 1, 2, 255]))
})

test('a content type that is none is refused, and one with a line break adds no header', () => {
  const octets: ActionBody = { contentType: 'application/octet-stream', mode: 'whole', required: true }
  for (const contentType of ['x', '100% +1', 'a/b\\c', 'a/b\r\nx: y']) {
    expect(() => serializeBody(octets, { base64: 'AA==', contentType })).toThrow(
      expect.objectContaining({ code: 'invalid_input', where: 'input.body.contentType' }),
    )
  }
  const typed = serializeBody(octets, { base64: 'AA==', contentType: 'a/b; x="\r\ny: z"' })
  expect(typed.contentType).not.toMatch(/[\r\n]/)
})

test('the same multipart input gives the same bytes', () => {
  const body: ActionBody = { contentType: 'multipart/form-data', mode: 'merge', required: true }
  expect(serializeBody(body, { a: '1' })).toEqual(serializeBody(body, { a: '1' }))
})

test('bytes and text are sent as they are', () => {
  const octets: ActionBody = { contentType: 'application/octet-stream', mode: 'whole', required: true }
  expect(serializeBody(octets, { base64: 'AAH/' }).body).toEqual(Buffer.from([0, 1, 255]))
  expect(serializeBody(octets, { base64: 'AAH/', contentType: 'image/gif' }).contentType).toBe('image/gif')
  const stored = new Map([['file_1', { name: 'a', contentType: 'image/gif', bytes: Buffer.from('a') }]])
  expect(serializeBody(octets, { file: 'file_1' }, { files: stored }).contentType).toBe(
    'application/octet-stream',
  )
  const images = { ...octets, contentType: 'image/*' }
  expect(serializeBody(images, { file: 'file_1' }, { files: stored }).contentType).toBe('image/gif')
  expect(serializeBody({ ...octets, contentType: 'text/plain' }, 'hello').body).toBe('hello')
})
