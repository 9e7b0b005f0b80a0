import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import type { RunModel } from '../models/models.ts'
import { promptData } from '../prompt-data.ts'
import type { ToolCall } from '../tool-call.ts'
import { candidateOfPatch, PatchOperation } from './candidate.ts'
import type { Proposer } from './fix-action.ts'

const Proposal = z.object({
  patch: z
    .array(PatchOperation)
    .max(20)
    .describe('JSON Patch (RFC 6902) of the action; empty: nothing to propose.'),
  reason: z.string().describe('What is wrong and why this mends it.'),
  confidence: z.number().min(0).max(1),
  citations: z.array(z.string()).describe('Ids of the passages and traces it is founded on.'),
})

const MAX_PASSAGES = 6
const MAX_ACTION_CHARS = 20_000
const SYSTEM = `You mend an action of an API connector: a JSON definition from which HTTP requests are made. You are shown the
definition, a call that failed with what was sent and what came back, and passages of the API's documentation. Propose the
smallest JSON Patch of the definition that mends the cause. Do not loosen a schema just to make an error go away, and do
not change the slug, the base URL, the auth method or the effect: those are a person's to change. Cite the passages and the trace you rely on. Propose nothing when the cause is not in the definition.`

interface Passage {
  id: string
  content: string
  breadcrumb: string[]
}

/** A model's proposal, founded on the failure and on passages of the documentation. */
export const proposeByModel =
  (call: ToolCall, model: RunModel): Proposer =>
  async ({ connector, action, definition, failure, rounds }) => {
    const now = definition.actions.find(({ slug }) => slug === action)
    if (now === undefined) return undefined
    const query = `${now.name} ${now.method} ${now.path}`.slice(0, 500)
    const found = await call('search_api_docs', { query, connector, limit: MAX_PASSAGES })
    const passages = found.passages as unknown as Passage[]
    const { check, problems, trace, input, madeUp, evidence } = failure
    const earlier = rounds.map(({ patch, reason, why }) => ({ patch, reason, why }))
    const { patch, reason, confidence, citations } = await model.structured({
      tier: 'build',
      name: 'action_patch',
      purpose: 'propose a patch',
      system: SYSTEM,
      prompt: [
        `Mend ${connector}.${action}.`,
        promptData('definition of the action', now, MAX_ACTION_CHARS),
        promptData(`failed call ${trace ?? ''}`, { check, problems, input, madeUp, evidence }),
        ...(earlier.length === 0 ? [] : [promptData('patches tried before, and what came of them', earlier)]),
        ...passages.map(({ id, breadcrumb, content }) =>
          promptData(`${id} ${breadcrumb.join(' › ')}`, content),
        ),
      ].join('\n'),
      schema: Proposal,
    })
    if (patch.length === 0) return undefined
    const known = new Set([...passages.map(({ id }) => id), ...(trace === null ? [] : [trace])])
    const told = {
      by: 'model' as const,
      reason,
      confidence,
      citations: citations.filter((id) => known.has(id)),
    }
    try {
      return candidateOfPatch(connector, now, patch, told)
    } catch (cause) {
      // A patch that cannot be used is no error of the run: the model is told, and may propose another.
      const refused = toAppError(cause).message
      return { ...told, patch, connectorPatch: [], update: null, connectorUpdate: null, refused }
    }
  }
