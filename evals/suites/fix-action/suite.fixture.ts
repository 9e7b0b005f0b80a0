import { startTestPlatform } from '../../../tests/setup/platform.ts'
import { buildDoors, type Doors } from '../../doors.ts'
import { type Report, runSuite } from '../../runner.ts'
import type { Suite } from '../../suite.ts'
import type { FixSituation } from './policies.ts'
import { fixAction } from './suite.ts'

export interface TestedSuite {
  doors: Doors
  run(policy: string, options: { count: number; specs: string; suite?: Suite<FixSituation> }): Promise<Report>
  close(): Promise<void>
}

/** The suite on a platform in this process; each run has it for itself. */
export async function startSuite(): Promise<TestedSuite> {
  const server = await startTestPlatform()
  const tenant = await server.organization()
  const doors = buildDoors(server.url, tenant.ownerKey)
  return {
    doors,
    async run(policy, { count, specs, suite = fixAction }) {
      try {
        return await runSuite(suite, {
          doors,
          policy,
          count,
          seed: 7,
          maxSeconds: 600,
          settings: { specs },
          note: () => {},
        })
      } finally {
        for (const connector of specs.split(','))
          await tenant.call('delete_connector', { connector, force: true })
      }
    },
    close: () => server.close(),
  }
}
