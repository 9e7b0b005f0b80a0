import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActionDefinition } from './action-definition.ts'
import { type App, answer, read, startApp } from './call.fixture.ts'

let app: App
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const thing: ActionDefinition = {
  ...read,
  responseContentType: 'application/xml',
  outputSchema: {
    type: 'object',
    properties: {
      id: { type: 'integer', xml: { attribute: true } },
      items: { type: 'array', items: { type: 'number', xml: { name: 'item' } }, xml: { wrapped: true } },
    },
  },
}
const xml = (text: string | Uint8Array, status = 200) => answer(status, text, { 'content-type': 'text/xml' })
const fetched = () => app.call({ action: thing })

test('an XML answer is the value it stands for', async () => {
  app.handler = xml(
    '<?xml version="1.0"?>\n<Thing id="7">\n  <items><item>1</item><item>2.5</item></items>\n</Thing>\n',
  )
  expect(await fetched()).toMatchObject({ output: { id: 7, items: [1, 2.5] }, warnings: [] })
  expect(app.requests.at(-1)?.headers.accept).toMatch(/^application\/xml\b/)
})

test('an answer that does not fit its schema is kept, with what is odd about it', async () => {
  app.handler = xml('<Thing id="seven"><more>1</more></Thing>')
  const { output, warnings } = await fetched()
  expect(output).toEqual({ id: 'seven', more: '1' })
  expect(warnings).toEqual(['output.id must be integer'])
})

test('the encoding that the document names is the one it is read by', async () => {
  const text = '<?xml version="1.0" encoding="ISO-8859-1"?><Thing><name>Zoë</name></Thing>'
  app.handler = xml(Buffer.from(text, 'latin1'))
  expect((await fetched()).output).toEqual({ name: 'Zoë' })
})

test('an answer that declares entities is given as text, unread, with the reason', async () => {
  const text = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Thing>&b;</Thing>'
  app.handler = xml(text)
  expect(await fetched()).toMatchObject({
    output: text,
    warnings: [
      'The XML of the output is given as text: it declares a document type, which may define entities.',
    ],
  })
})

test('an error is told with its XML as it came', async () => {
  app.handler = xml('<Error><Code>NoSuchThing</Code></Error>', 404)
  await expect(fetched()).rejects.toMatchObject({
    data: { status: 404, body: '<Error><Code>NoSuchThing</Code></Error>' },
  })
})

test('a rule of the connector finds errors in an XML answer of 200', async () => {
  app.handler = xml('<Thing><error>no such thing</error></Thing>')
  const errors = [
    { when: { field: 'body.error', op: 'eq', value: 'no such thing' }, message: 'error' },
  ] satisfies ActionDefinition['errors']
  await expect(app.call({ action: { ...thing, errors } })).rejects.toMatchObject({ data: { status: 200 } })
})

test('without a schema, XML is text', async () => {
  app.handler = xml('<Thing/>')
  expect((await app.call({ action: { ...read, responseContentType: 'application/xml' } })).output).toBe(
    '<Thing/>',
  )
})
