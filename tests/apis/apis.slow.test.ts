import { afterAll, beforeAll } from 'vitest'
import { startTestPlatform, type TestPlatform } from '../setup/platform.ts'
import { describeGithub } from './github.ts'
import { describeGoogle } from './google.ts'
import { describeSlack } from './slack.ts'
import { describeStripe } from './stripe.ts'
import { describeVerdaccio } from './verdaccio.ts'
import type { World } from './world.ts'

/** The same connector code against API servers that others wrote, each with its own ways. */
let platform: TestPlatform
let world: World

beforeAll(async () => {
  platform = await startTestPlatform()
  world = { tenant: await platform.organization(), publicUrl: platform.url }
})
afterAll(() => platform.close())

describeGithub(() => world)
describeStripe(() => world)
describeSlack(() => world)
describeGoogle(() => world)
describeVerdaccio(() => world)
