import type { Permission, RoleName } from './permissions.ts'

/** How a call came in; recorded in the audit log. */
export type Door = 'mcp' | 'http' | 'cli' | 'webhook' | 'agent' | 'runtime'

/** Who makes a call, resolved once at the door and carried through the one call path. */
export interface Actor {
  kind: 'api_key' | 'system' | 'connect_link'
  /** The id of the API key or connect link, or the name of the system part. */
  id: string
  name: string
  organizationId: string
  role: RoleName
  permissions: ReadonlySet<Permission>
  /** The only customers this actor reaches; null when it reaches all of its organization's. */
  customerIds: readonly string[] | null
  /** Test keys are for development: they never deploy to production nor run in it. */
  mode: 'test' | 'live'
  /** Calls per minute this key may make; null for the server's default. */
  ratePerMinute: number | null
  door: Door
}

/** The rows a transaction may see: one organization, and only some customers when the actor is scoped. */
export interface TenantScope {
  organizationId: string
  customerIds: readonly string[] | null
  /** With `customerIds`: rows of no customer (the organization's own) are visible too, as to a workflow's run. */
  shared?: boolean
}

export const scopeOf = (actor: Actor): TenantScope => ({
  organizationId: actor.organizationId,
  customerIds: actor.customerIds,
})
