import { rmSync } from 'node:fs'
import { prepareData, type SharedServer, startPatchbay, startSharedServer } from '../demo/server.ts'
import { buildDoors, type Doors } from './doors.ts'
import type { ModelAccess } from './suite.ts'

/** How many measurements may be made at once without waiting for each other's server. */
const SHARED = 2

/** Where policies are measured: each finds what a first start leaves, and nothing that another left behind. */
export interface Servers {
  /**
   * Without a model: an organization of its own, on a server that is shared. With one: a server of its own, whose agents
   * use that model. @returns the doors of its owner, and how to leave
   */
  place(model?: ModelAccess): Promise<{ doors: Doors; leave(): Promise<void> }>
  close(): Promise<void>
}

/** Starts servers as they are needed, each on a copy of data that was made once. */
export function buildServers(): Servers {
  let data: Promise<string> | undefined
  const madeData = () => {
    data ??= prepareData()
    return data
  }
  const shared: { server: Promise<SharedServer>; users: number }[] = []
  const freest = () => {
    const idle = shared.find(({ users }) => users === 0)
    if (idle !== undefined) return idle
    if (shared.length === SHARED) return shared.reduce((a, b) => (b.users < a.users ? b : a))
    const one = { server: madeData().then((folder) => startSharedServer(folder)), users: 0 }
    shared.push(one)
    return one
  }
  return {
    async place(model) {
      if (model !== undefined) {
        const server = await startPatchbay(settingsOf(model), await madeData())
        return { doors: buildDoors(server.url, server.ownerKey), leave: server.stop }
      }
      const one = freest()
      one.users += 1
      const server = await one.server
      return {
        doors: buildDoors(server.url, await server.organization()),
        leave: async () => {
          one.users -= 1
        },
      }
    },
    async close() {
      // One that never started was told where it was wanted.
      await Promise.allSettled(shared.map(async ({ server }) => (await server).stop()))
      const folder = await data?.catch(() => undefined)
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the server is told, so that its agents use the same model. */
const settingsOf = ({ baseUrl, model, apiKey, price }: ModelAccess): Record<string, string> => ({
  PATCHBAY_MODEL_BASE_URL: baseUrl,
  PATCHBAY_MODEL: model,
  ...(apiKey === undefined ? {} : { PATCHBAY_MODEL_API_KEY: apiKey }),
  ...(price === undefined ? {} : { PATCHBAY_MODEL_PRICES: JSON.stringify({ [model]: price }) }),
})
