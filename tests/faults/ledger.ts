import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Random } from './random.ts'

/** How it behaves: as it should; silent; or dropping connections once it has done what it was asked. */
export type Mood = 'well' | 'silent' | 'dropping'

export interface Asked {
  effect: string
  key: string
  stamp: string | null
}

export interface Ledger {
  url: string
  mood: Mood
  /** Every request for an effect, in order; the serial number it answers with is the place in this list. */
  asked: Asked[]
  /** Effects it has, by idempotency key: a request with a key it knows has none of its own. */
  kept: Map<string, string>
  /** Requests without a key, by effect. */
  unkeyed: Map<string, number>
  /** Told of each effect when it happens. */
  onEffect: (effect: string) => void
  close(): Promise<void>
}

/** Of a hundred requests so many are refused with 503, half of them after they took effect. */
const REFUSED_PERCENT = 4

/** A third-party app that honours idempotency keys and remembers all it was asked, in good times and bad ones. */
export async function startLedger(random: Random): Promise<Ledger> {
  const held = new Set<ServerResponse>()
  let mood: Mood = 'well'

  const record = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { effect, stamp = null } = JSON.parse(text) as { effect: string; stamp?: string }
    const key = request.headers['idempotency-key']
    const refused = random.next() * 100 < REFUSED_PERCENT
    const done = !refused || random.next() < 0.5
    if (typeof key === 'string') {
      const serial = ledger.asked.push({ effect, key, stamp }) - 1
      if (done && !ledger.kept.has(key)) {
        ledger.kept.set(key, effect)
        ledger.onEffect(effect)
      }
      answer(response, refused ? 503 : 200, { effect, serial })
    } else {
      ledger.unkeyed.set(effect, (ledger.unkeyed.get(effect) ?? 0) + 1)
      answer(response, 200, { effect })
    }
  }
  const answer = (response: ServerResponse, status: number, body: object) => {
    if (mood === 'silent') held.add(response)
    else if (mood === 'dropping') response.destroy()
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const server = createServer((request, response) => {
    record(request, response).catch(() => response.destroy()) // the caller was killed while it asked
  })
  const ledger: Ledger = {
    url: '',
    get mood() {
      return mood
    },
    set mood(next) {
      mood = next
      if (next === 'silent') return
      for (const response of held) response.destroy()
      held.clear()
    },
    asked: [],
    kept: new Map(),
    unkeyed: new Map(),
    onEffect: () => {},
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ledger.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return ledger
}
