import { scopeOf } from '../../core/actor.ts'
import type { ToolContext } from '../define-tool.ts'

/**
 * After a committed change of connectors, actions or connections: calls stop using what they remember, and
 * clients are told that their tools changed.
 */
export function connectionsChanged({ actor, services }: ToolContext): void {
  services.connections.forget(actor.organizationId)
  services.changed(scopeOf(actor), 'tools')
}
