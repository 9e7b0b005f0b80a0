import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { announceEmbedder, type DocVectors, type VectorsOf } from '../../db/doc-vectors.ts'
import type { Embedder } from './embedder.ts'

/** What passages are found by their meaning with, in this process. */
export interface Meaning {
  vectors: DocVectors
  embedder: Embedder
  /** The model, and how long its vectors were the last time: it may change under the name it has. */
  made(): VectorsOf
  /** The model that is embedded with, when it is not this process's: that of the process that started last. */
  other(): string | undefined
  /** Says that this process is there, and looks which model is embedded with. */
  announce(db: Pick<Database, 'system'>): Promise<void>
}

/** @param log is told when another model comes to be embedded with, and when this one does again */
export function buildMeaning(
  vectors: DocVectors,
  embedder: Embedder,
  log: Pick<Logger, 'info' | 'warn'>,
): Meaning {
  const { id } = embedder
  let { length } = embedder
  let other: string | undefined
  let starts = true
  return {
    vectors,
    embedder: {
      ...embedder,
      embed: async (texts, signal) => {
        const made = await embedder.embed(texts, signal)
        length = made[0]?.length ?? length
        return made
      },
    },
    made: () => ({ embedder: id, length }),
    other: () => other,
    announce: async (db) => {
      const last = await announceEmbedder(db, id, starts)
      starts = false
      const before = other
      other = last === id ? undefined : last
      if (other === before) return
      if (other === undefined)
        log.info({ embedder: id }, 'documentation is embedded by the model of this process again')
      else
        log.warn(
          { embedder: id, other },
          'a process that started later has another embedding model: it embeds the documentation, which is found by its words alone here',
        )
    },
  }
}
