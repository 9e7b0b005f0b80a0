// Three durable steps with DBOS on Postgres, behind a plain HTTP server.
import { createServer } from 'node:http'
import { DBOS } from '@dbos-inc/dbos-sdk'

DBOS.setConfig({
  name: 'bench',
  applicationVersion: '1',
  systemDatabaseUrl: process.env.DATABASE_URL,
  logLevel: 'error',
  runAdminServer: false,
})
const three = DBOS.registerWorkflow(
  async (input) => {
    const a = await DBOS.runStep(async () => ({ n: input.n + 1 }), { name: 'one' })
    const b = await DBOS.runStep(async () => ({ n: a.n + 1 }), { name: 'two' })
    return DBOS.runStep(async () => ({ n: b.n + 1 }), { name: 'three' })
  },
  { name: 'three' },
)
await DBOS.launch()
createServer(async (req, res) => {
  let body = ''
  for await (const chunk of req) body += chunk
  res.end(JSON.stringify(await three(JSON.parse(body))))
}).listen(Number(process.env.PORT), '127.0.0.1')
