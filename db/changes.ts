import pg from 'pg'
import type { Logger } from '../core/log.ts'

const CHANNEL = 'patchbay_changes'
const RECONNECT_MS = 1_000
/** A connection that was cut without a word is noticed by then. */
const PROBE_MS = 5_000

const kinds = ['triggers', 'connections', 'api_keys', 'agent_runs'] as const
export type ChangeKind = (typeof kinds)[number]

/** Something was committed that processes may have remembered otherwise (db/migrations/0013_changes.sql). */
export interface Change {
  kind: ChangeKind
  organizationId: string
  /** The customer (connections) or row (api_keys) it is about; null: none in particular. */
  about: string | null
  /** The `application_name` of the process that made it; null: unknown. */
  by: string | null
}

export interface ChangeListener {
  /** Are changes heard now? While they are not, what is remembered is to be trusted for moments only. */
  listening(): boolean
  close(): Promise<void>
}

/** Hears of every change, over a connection of its own that is made anew whenever it breaks. */
export function listenToChanges(options: {
  connection: pg.ClientConfig
  onChange: (change: Change) => void
  /** Called whenever it begins to listen: changes before that were missed. */
  onBegin: () => void
  log: Logger
}): ChangeListener {
  const { log } = options
  let current: pg.Client | undefined
  let heard = false
  let closed = false
  let timer: NodeJS.Timeout | undefined

  const connect = async (): Promise<void> => {
    const client = new pg.Client({ ...options.connection, keepAlive: true })
    current = client
    const lost = (error?: Error) => {
      if (current !== client || closed) return
      current = undefined
      heard = false
      clearTimeout(timer)
      log.warn(
        { err: error?.message },
        'the database does not tell of changes: caches are kept for moments only until it does',
      )
      client.end().catch(() => undefined) // it is broken: there is nothing to end in order
      timer = setTimeout(() => void connect(), RECONNECT_MS)
    }
    client.on('error', lost)
    client.on('end', () => lost())
    client.on('notification', ({ channel, payload }) => {
      const change = channel === CHANNEL ? parse(payload ?? '') : undefined
      if (change !== undefined) options.onChange(change)
    })
    const probe = () => {
      timer = setTimeout(() => {
        const late = setTimeout(() => lost(new Error('no answer')), PROBE_MS)
        client
          .query('SELECT 1')
          .then(probe, lost)
          .finally(() => clearTimeout(late))
      }, PROBE_MS)
      timer.unref()
    }
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      heard = true
      options.onBegin()
      probe()
    } catch (error) {
      lost(error as Error)
    }
  }
  const first = connect()

  return {
    listening: () => heard,
    close: async () => {
      closed = true
      heard = false
      clearTimeout(timer)
      await first
      await current?.end()
    },
  }
}

function parse(payload: string): Change | undefined {
  const [kind, organizationId = '', about = '-', by = '-'] = payload.split(' ')
  const known = kinds.find((one) => one === kind)
  if (known === undefined) return undefined
  return { kind: known, organizationId, about: about === '-' ? null : about, by: by === '-' ? null : by }
}
