import { expect, test } from 'vitest'
import type { ActionDefinition } from '../../runtime/connectors/definition.ts'
import { candidateOfPatch } from './candidate.ts'

const action = {
  slug: 'get_order',
  name: 'Get an order',
  method: 'GET',
  path: '/order/{id}',
  effect: 'read',
} as unknown as ActionDefinition
const patched = (by: 'model' | 'deterministic', path: string, value: unknown) =>
  candidateOfPatch('shop', action, [{ op: 'add', path, value }], {
    by,
    reason: 'r',
    confidence: 1,
    citations: [],
  })

const patchedWrite = (method: string) =>
  candidateOfPatch(
    'shop',
    { ...action, method: 'POST', effect: 'write' },
    [{ op: 'replace', path: '/method', value: method }],
    { by: 'model', reason: 'r', confidence: 1, citations: [] },
  )

test('a model’s patch changes what an action sends, not where credentials go nor what passes for a read', () => {
  expect(patched('model', '/path', '/orders/{id}').update).toMatchObject({ path: '/orders/{id}' })
  for (const [path, value] of [
    ['/baseUrl', 'https://elsewhere.example'],
    ['/auth', []],
    ['/effect', 'write'],
    ['/method', 'DELETE'],
  ] as const)
    expect(() => patched('model', path, value), path).toThrow(
      expect.objectContaining({ code: 'forbidden', where: path }),
    )
  expect(() => patchedWrite('DELETE')).toThrow(
    expect.objectContaining({ code: 'forbidden', where: '/method' }),
  )
  expect(patchedWrite('PUT').update).toMatchObject({ method: 'PUT' })
  expect(patched('deterministic', '/baseUrl', 'https://api.example').update).toMatchObject({
    baseUrl: 'https://api.example',
  })
})

test('a model’s patch adds no header that takes the place of the method', () => {
  const parameter = { name: 'X-HTTP-Method-Override', in: 'header', inputKey: 'how' }
  expect(() => patched('model', '/parameters', [parameter])).toThrow(
    expect.objectContaining({ code: 'forbidden', where: '/method' }),
  )
  expect(patched('model', '/parameters', [{ ...parameter, name: 'X-Page' }]).update).toMatchObject({
    parameters: [{ name: 'X-Page' }],
  })
})

test('no patch changes what an action is known by', () => {
  expect(() => patched('deterministic', '/slug', 'other')).toThrow(
    expect.objectContaining({ code: 'invalid_input', where: '/slug' }),
  )
})
