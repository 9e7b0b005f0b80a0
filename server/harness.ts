import './compile-cache.ts'

const { readConfig } = await import('../core/config.ts')
const { addOrganization } = await import('../runtime/access/bootstrap.ts')
const { howToConnect } = await import('./how-to-connect.ts')
const { runUntilStopped } = await import('./process.ts')
const { startServer } = await import('./start.ts')

/**
 * `main.ts` for a harness that started it with a channel: for each message `{name}` it makes an organization and answers
 * with the owner's key, `{name, key}` or `{name, problem}`, so that many measurements share a server and nothing else.
 */
await runUntilStopped(async () => {
  const server = await startServer(readConfig(process.env))
  process.on('message', async ({ name }: { name: string }) => {
    try {
      process.send?.({ name, key: await addOrganization(server.platform.db, name) })
    } catch (error) {
      process.send?.({ name, problem: (error as Error).message })
    }
  })
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.stdout.write(howToConnect(server))
  return server
})
