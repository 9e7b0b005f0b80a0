import { expect, test } from 'vitest'
import { buildBuiltinEmbedder } from './embed-builtin.ts'

const cosine = (a: Float32Array, b: Float32Array) => {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

test('the built-in model puts what means the same nearer, off the event loop, and starts again after it was stopped', async () => {
  const embedder = buildBuiltinEmbedder()
  const { signal } = new AbortController()
  const texts = [
    'How long is a token valid?',
    'Access tokens expire after an hour.',
    'Upload a file in parts.',
  ]
  const [question, answer, other] = await embedder.embed(texts, signal)
  if (question === undefined || answer === undefined || other === undefined) throw new Error('no vectors')
  expect(question).toHaveLength(embedder.length ?? 0)
  expect(cosine(question, answer)).toBeGreaterThan(cosine(question, other))
  await embedder.close()
  const [again] = await embedder.embed(texts, signal)
  expect(again).toEqual(question)
  const aborted = new AbortController()
  const waiting = embedder.embed(texts, aborted.signal)
  aborted.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  await embedder.close()
})
