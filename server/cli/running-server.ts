import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isUp } from './remote.ts'

/** Where the data folder's server listens, if it runs: server.json may have outlived it. */
export async function runningServer(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, 'server.json')
  if (!existsSync(path)) return undefined
  const { url } = JSON.parse(readFileSync(path, 'utf8')) as { url: string }
  return (await isUp(url)) ? url : undefined
}
