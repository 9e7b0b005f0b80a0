import { expect, test } from 'vitest'
import { startPlayedModel } from './played-model.ts'
import { startRecorder } from './recorder.ts'

const KEY = 'sk-never-kept'
const id = (n: number) => `con_${String(n).padStart(28, '0')}`
const request = (connector: string, stream: boolean) => ({
  model: 'm',
  stream,
  messages: [{ role: 'user', content: `List the actions of ${connector}` }],
})
const post = (url: string, body: object) =>
  fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}` },
    body: JSON.stringify(body),
  })

test('what was recorded is replayed in the names of the new run, without the key, and another request is refused with the difference', async () => {
  const toolCalls = [{ name: 'list_actions', arguments: { connector: id(1) } }]
  const live = await startPlayedModel({ key: KEY, turns: [{ text: `For ${id(1)}`, toolCalls }] })
  const recorder = await startRecorder(live.url)
  expect((await post(recorder.url, request(id(1), true))).status).toBe(200)
  const recording = recorder.recording()
  expect(JSON.stringify(recording)).not.toContain(KEY)
  const replay = await startPlayedModel(recording)
  const other = await post(replay.url, { ...request(id(2), false), model: 'other' })
  expect(other.status).toBe(409)
  expect(await other.text()).toContain('model: recorded')
  const answer = await (await post(replay.url, request(id(2), false))).json()
  expect(answer).toMatchObject({
    choices: [
      {
        message: {
          content: `For ${id(2)}`,
          tool_calls: [
            { function: { name: 'list_actions', arguments: JSON.stringify({ connector: id(2) }) } },
          ],
        },
      },
    ],
  })
  await Promise.all([live.close(), recorder.close(), replay.close()])
})
