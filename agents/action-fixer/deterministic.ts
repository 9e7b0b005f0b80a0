import type { JsonObject } from '../../core/json.ts'
import type { ToolCall } from '../tool-call.ts'
import type { Candidate } from './candidate.ts'
import type { Proposer } from './fix-action.ts'

/** Patchbay's own fixer: compares the action with its API's description, or with the last import, and with the failure. */
export const proposeByComparing =
  (call: ToolCall, source: { spec?: string | undefined; url?: string | undefined }): Proposer =>
  async ({ connector, action, failure }) => {
    const found = await call('propose_action_fix', {
      connector,
      action,
      ...(source.spec === undefined ? {} : { spec: source.spec }),
      ...(source.url === undefined ? {} : { url: source.url }),
      ...(failure.trace === null ? {} : { traces: [failure.trace] }),
    })
    const { patch, connectorPatch, update, connectorUpdate, reason, confidence, evidence } = found
    const { description } = evidence as {
      description: { method: string; path: string; pointer: string | null } | null
    }
    return {
      by: 'deterministic',
      patch: patch as Candidate['patch'],
      connectorPatch: connectorPatch as Candidate['connectorPatch'],
      update: update as JsonObject | null,
      connectorUpdate: connectorUpdate as JsonObject | null,
      reason: String(reason),
      confidence: Number(confidence),
      citations: [
        ...(failure.trace === null ? [] : [failure.trace]),
        ...(description === null ? [] : [description.pointer ?? `${description.method} ${description.path}`]),
      ],
    }
  }
