import { type ConnectLinkRow, settledConnectLinks } from '../../db/connect-links.ts'
import type { Database } from '../../db/database.ts'

const LOOK_EVERY_MS = 2_000
/** Beyond this the oldest ones are not waited for any more. */
const MAX_WATCHED = 1_000

export type Settled = ConnectLinkRow['status'] | 'expired'

interface Watched {
  expiresAt: Date
  settled(status: Settled): void
}

export interface LinkWatch {
  /** Calls back once when the link is completed or cancelled, by whatever process, or has expired. */
  watch(link: { id: string; expiresAt: Date }, settled: (status: Settled) => void): void
  /** Looks at once: something settled in this process. */
  look(): Promise<void>
  close(): void
}

/** Waits for links to be used. They may be used in another process, so the database is looked at; only while somebody waits. */
export function buildLinkWatch(db: Database, onError: (error: Error) => void): LinkWatch {
  const watched = new Map<string, Watched>()
  let timer: NodeJS.Timeout | undefined

  const look = async (): Promise<void> => {
    if (watched.size === 0) return
    const now = Date.now()
    for (const { id, status } of await settledConnectLinks(db, [...watched.keys()])) {
      settle(id, status ?? 'expired')
    }
    for (const [id, { expiresAt }] of watched) if (expiresAt.getTime() < now) settle(id, 'expired')
  }
  const settle = (id: string, status: Settled) => {
    const waiting = watched.get(id)
    watched.delete(id)
    waiting?.settled(status)
  }
  const lookLater = () => {
    if (timer !== undefined || watched.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      look().catch(onError).finally(lookLater)
    }, LOOK_EVERY_MS)
    timer.unref()
  }

  return {
    watch: ({ id, expiresAt }, settled) => {
      if (watched.size >= MAX_WATCHED) {
        const oldest = watched.keys().next().value
        if (oldest !== undefined) watched.delete(oldest)
      }
      watched.set(id, { expiresAt, settled })
      lookLater()
    },
    look,
    close: () => {
      clearTimeout(timer)
      watched.clear()
    },
  }
}
