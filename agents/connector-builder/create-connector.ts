import { AppError, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ActionDefinition } from '../../runtime/connectors/definition.ts'
import { EFFECT_RANK, effectOf } from '../../runtime/connectors/effect.ts'
import type { Draft, DraftAction } from '../manual-action-builder/build-from-docs.ts'
import type { ToolCall } from '../tool-call.ts'

export interface Built {
  connector: string
  /** Actions Patchbay did not take, and why. */
  refused: { action: string; why: string }[]
}

/** How a connector that is there already is brought to the draft. */
export interface Replacing {
  /** It was there before the draft: its base URL and auth methods stay, whatever the documentation says. */
  keepHead: boolean
  /** The base URL the person gave. */
  baseUrl?: string
}

/**
 * Makes a connector of a draft. Safe to repeat: what is there already is brought to what the draft says.
 * @throws AppError of create_connector
 */
export async function createFromDraft(
  call: ToolCall,
  draft: Draft,
  slug: string | undefined,
  replacing: Replacing = { keepHead: false },
): Promise<Built> {
  const connector = await ensureConnector(call, draft, slug, replacing)
  const refused: Built['refused'] = []
  for (const action of draft.actions) {
    try {
      await ensureAction(call, connector, action, replacing.keepHead)
    } catch (cause) {
      const error = toAppError(cause)
      if (error.code !== 'invalid_input' && error.code !== 'forbidden') throw error
      refused.push({ action: action.slug, why: error.message })
    }
  }
  return { connector, refused }
}

async function ensureConnector(
  call: ToolCall,
  draft: Draft,
  slug: string | undefined,
  { keepHead, baseUrl: given }: Replacing,
): Promise<string> {
  const { name, baseUrl, authMethods } = draft
  if (keepHead && slug !== undefined) {
    await call('update_connector', {
      name,
      ...(given === undefined ? {} : { baseUrl: given }),
      connector: slug,
    })
    return slug
  }
  const fields = { name, baseUrl, authMethods: authMethods as unknown as JsonObject[] }
  try {
    const { connector } = await call('create_connector', {
      ...fields,
      ...(slug === undefined ? {} : { slug }),
    })
    return (connector as { slug: string }).slug
  } catch (cause) {
    const error = toAppError(cause)
    if (error.code !== 'conflict' || slug === undefined) throw error
    await call('update_connector', { ...fields, connector: slug })
    return slug
  }
}

async function ensureAction(
  call: ToolCall,
  connector: string,
  draft: DraftAction,
  wasThere: boolean,
): Promise<void> {
  const { citations: _citations, bodyType, outputSchema, pagination, parameters, ...fields } = draft
  const action = {
    ...fields,
    parameters: parameters.map(({ explode, ...rest }) => (explode === null ? rest : { ...rest, explode })),
    ...(bodyType === null ? {} : { body: { contentType: bodyType, required: true } }),
    ...(pagination === null ? {} : { pagination }),
    ...(outputSchema === null ? {} : { outputSchema }),
  } as unknown as JsonObject
  try {
    await call('create_action', { connector, ...action })
  } catch (cause) {
    const error = toAppError(cause)
    if (error.code !== 'conflict') throw error
    const { slug, ...change } = action
    if (wasThere) await refuseMoreHarm(call, connector, draft)
    await call('update_action', { connector, action: String(slug), ...change })
  }
}

/**
 * An action that reads goes on being tested and called as one that reads: what a page says does not make it write, nor
 * one that writes delete.
 * @throws AppError `forbidden`
 */
async function refuseMoreHarm(call: ToolCall, connector: string, draft: DraftAction): Promise<void> {
  const { slug } = draft
  const { action } = await call('get_action', { connector, action: slug })
  const { effect } = action as unknown as Pick<ActionDefinition, 'effect'>
  const told = effectOf(draft)
  if (EFFECT_RANK[told] <= EFFECT_RANK[effect]) return
  throw new AppError(
    'forbidden',
    `It is ${draft.method} in the documentation (${told}), and a ${effect} here: it stays as it is.`,
    {
      where: 'method',
      hint: 'Change it with update_action, its effect with it, if that is right.',
    },
  )
}
