/** How often a statement comes before it is kept, and how many are kept at most: each holds memory in every connection. */
const KEPT_AFTER = 3
const MAX_KEPT = 200
const MAX_SEEN = 4_000

/** Who runs a statement: the plan of one with row-level security is of a role. */
export type StatementRole = 'tenant' | 'system'

/**
 * Names the statements that come again and again, so that the server parses, rewrites and (where it pays) plans them
 * once for each connection.
 */
export function buildStatementNames(): (role: StatementRole, sql: string) => string | undefined {
  const seen = { tenant: new Map<string, number>(), system: new Map<string, number>() }
  let kept = 0
  return (role, sql) => {
    const of = seen[role]
    const known = of.get(sql) ?? 0
    // Below zero: its name.
    if (known < 0) return `${role} ${-known}`
    if (kept === MAX_KEPT) return undefined
    if (known + 1 < KEPT_AFTER) {
      // Texts that differ each time must not fill the memory.
      if (of.size >= MAX_SEEN) for (const [text, times] of of) if (times > 0) of.delete(text)
      of.set(sql, known + 1)
      return undefined
    }
    kept += 1
    of.set(sql, -kept)
    return `${role} ${kept}`
  }
}
