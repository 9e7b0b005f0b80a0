import { readConfig } from '../core/config.ts'
import { howToConnect } from './how-to-connect.ts'
import { runUntilStopped } from './process.ts'
import { startServer } from './start.ts'

await runUntilStopped(async () => {
  const server = await startServer(readConfig(process.env))
  process.stdout.write(howToConnect(server))
  return server
})
