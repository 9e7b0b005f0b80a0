import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** A client that takes nothing of what waits for it for so long is let go. */
const UNREAD_MS = 60_000

/**
 * Writes at the pace at which the client reads: resolves when the next text may follow, so that no more than one waits in
 * memory. Who reads nothing loses the connection.
 * @param gone aborted when the connection is closed; then it rejects
 */
export const pacedWriter =
  (res: ServerResponse, gone: AbortSignal, unreadMs = UNREAD_MS) =>
  async (text: string): Promise<void> => {
    if (res.write(text)) return
    const timer = setTimeout(() => res.destroy(), unreadMs)
    await once(res, 'drain', { signal: gone }).finally(() => clearTimeout(timer))
  }
