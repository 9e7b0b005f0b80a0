/** A small bookkeeping API to try agents on, with no account and nothing kept: `npm run ledger -- --port 8792`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { ledgerDescription } from './ledger-description.ts'
import { runProgram } from './program.ts'

export interface Invoice {
  id: string
  customerId: string
  reference: string
  amountCents: number
  currency: string
}

export interface Ledger {
  url: string
  invoices: Invoice[]
  close(): Promise<void>
}

const CUSTOMERS = [
  { id: 'c-1', email: 'ada@example.com', name: 'Ada' },
  { id: 'c-2', email: 'grace@example.com', name: 'Grace' },
]

/** Its description is at /openapi.json. */
export async function startLedger(port = 0): Promise<Ledger> {
  const invoices: Invoice[] = []
  const server = createServer((req, res) => {
    answer(req, invoices).then(
      ({ status, body }) => send(res, status, body),
      (error: Error) => send(res, 400, { error: error.message }),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    invoices,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(req: IncomingMessage, invoices: Invoice[]): Promise<{ status: number; body: unknown }> {
  const address = new URL(req.url ?? '/', `http://${req.headers.host}`)
  /** Without the parameter, everything fits. */
  const fits = (name: string, value: string) =>
    !address.searchParams.has(name) || address.searchParams.get(name) === value
  switch (`${req.method} ${address.pathname}`) {
    case 'GET /openapi.json':
      return { status: 200, body: ledgerDescription(address.origin) }
    case 'GET /customers':
      return { status: 200, body: { customers: CUSTOMERS.filter(({ email }) => fits('email', email)) } }
    case 'GET /invoices':
      return {
        status: 200,
        body: { invoices: invoices.filter(({ reference }) => fits('reference', reference)) },
      }
    case 'POST /invoices': {
      const given = JSON.parse(await readAll(req)) as Omit<Invoice, 'id'>
      if (!CUSTOMERS.some(({ id }) => id === given.customerId))
        return { status: 422, body: { error: `There is no customer ${given.customerId}.` } }
      if (!Number.isInteger(given.amountCents) || given.amountCents <= 0)
        return { status: 422, body: { error: 'amountCents must be a whole number above 0.' } }
      const invoice = { ...given, id: `inv-${invoices.length + 1}` }
      invoices.push(invoice)
      return { status: 201, body: invoice }
    }
    default:
      return { status: 404, body: { error: `There is nothing at ${req.method} ${address.pathname}.` } }
  }
}

async function readAll(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

if (import.meta.main) {
  await runProgram(async () => {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '8792' } } })
    const { url } = await startLedger(Number(values.port))
    console.log(`A ledger answers at ${url}; its description: ${url}/openapi.json`)
  })
}
