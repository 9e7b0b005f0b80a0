import './compile-cache.ts'

const { readConfig } = await import('../core/config.ts')
const { howToConnect } = await import('./how-to-connect.ts')
const { runUntilStopped } = await import('./process.ts')
const { startServer } = await import('./start.ts')

await runUntilStopped(async () => {
  const server = await startServer(readConfig(process.env))
  process.stdout.write(howToConnect(server))
  return server
})
