/** The WHERE of a list: only of the filters that are given, so that the planner sees what it can use an index for. */
export interface Conditions {
  /** `WHERE …`, or nothing. */
  where: string
  params: unknown[]
  /** Adds a further parameter; gives its place (`$3`). */
  add(value: unknown): string
}

/**
 * @param given conditions with `?` where the value stands; one whose value is null or undefined is left out
 * @example conditions([['e.status = ?', 'failed'], ['e.id < ?', null]]).where // WHERE e.status = $1
 */
export function conditions(given: readonly (readonly [sql: string, value: unknown])[]): Conditions {
  const params: unknown[] = []
  const add = (value: unknown) => `$${params.push(value)}`
  const parts = given
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([sql, value]) => sql.replace('?', () => add(value)))
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, params, add }
}
