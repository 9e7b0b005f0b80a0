import { expect, test } from 'vitest'
import { readConfig } from '../core/config.ts'
import { howToConnect } from './how-to-connect.ts'

const shown = (environment: Record<string, string>) =>
  howToConnect({
    url: 'http://127.0.0.1:8787',
    ownerKeyPath: './data/owner.key',
    platform: { config: readConfig(environment) } as Parameters<typeof howToConnect>[0]['platform'],
  })

test('who starts the server is told which model drives the agents, and where it is, without its key', () => {
  const model = { PATCHBAY_MODEL_BASE_URL: 'http://127.0.0.1:11434/v1', PATCHBAY_MODEL: 'qwen3' }
  expect(shown(model)).toMatch(/Model +qwen3 at http:\/\/127\.0\.0\.1:11434\/v1\n/)
  const tiers = shown({ ...model, PATCHBAY_MODEL_API_KEY: 'sk-secret', PATCHBAY_MODEL_PLAN: 'big' })
  expect(tiers).toMatch(/Model +big \(plan\), qwen3 \(build, small\) at http/)
  expect(tiers).not.toMatch(/sk-secret/)
  expect(shown({})).toMatch(/Model +none: .*docs\/models\.md/)
})
