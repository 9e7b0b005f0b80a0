import type { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres'
import type { TenantScope } from '../../core/actor.ts'
import { getsOn } from '../../db/agent-runs.ts'
import type { Database, Tx } from '../../db/database.ts'
import { requireHeld } from './claim.ts'

const SCHEMA = 'agent_checkpoints'

type Pool = ConstructorParameters<typeof PostgresSaver>[0]

interface Statement {
  sql: string
  params: readonly unknown[] | undefined
}

/**
 * LangGraph's checkpointer over our own transactions instead of a pool of its own: row-level security holds for
 * checkpoints as for everything, and it works on the embedded database, whose one session it may not keep.
 * @param claim writes are refused once another process has the run; left out: for reading
 */
export async function buildCheckpointer(
  db: Database,
  scope: TenantScope,
  claim?: { id: string; claim: number },
): Promise<PostgresSaver> {
  const { PostgresSaver } = await import('@langchain/langgraph-checkpoint-postgres')
  const pool = {
    query: async (sql: string, params?: readonly unknown[]) => ({
      rows: await db.read(scope, (tx) => tx.rows(sql, params)),
    }),
    connect: async () => {
      // The saver's transactions write and read nothing back, so they are sent when they are whole.
      let statements: Statement[] = []
      const commit = (tx: Tx) => inOrder(tx, statements)
      return {
        query: async (sql: string, params?: readonly unknown[]) => {
          if (sql === 'BEGIN' || sql === 'ROLLBACK') statements = []
          else if (sql !== 'COMMIT') statements.push({ sql, params })
          else
            await db.tenant(scope, async (tx) => {
              if (claim !== undefined) requireHeld(await getsOn(tx, claim.id, claim.claim))
              await commit(tx)
            })
          return { rows: [] }
        },
        release: () => undefined,
      }
    },
  }
  return new PostgresSaver(pool as unknown as Pool, undefined, { schema: SCHEMA })
}

async function inOrder(tx: Tx, statements: readonly Statement[]): Promise<void> {
  for (const { sql, params } of statements) await tx.run(sql, params)
}
