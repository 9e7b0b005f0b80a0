import { AppError } from '../../core/errors.ts'
import type { ModelSettings } from '../../core/model-settings.ts'
import type { Database } from '../../db/database.ts'
import { buildMeter, requirePrices } from './budget.ts'
import type { Models, ModelTier } from './models.ts'
import { buildOpenAiProvider } from './openai.ts'
import { redactCredentials } from './redact.ts'
import { buildRunModel } from './run-model.ts'
import { buildModes, type StructuredMode } from './structured.ts'
import { buildPromptBounds } from './token-bound.ts'

/** The models that drive the agents, from the operator's settings; see `Models`. */
export function buildModels(deps: { settings: ModelSettings | undefined; db: Database }): Models {
  const { settings, db } = deps
  if (settings === undefined)
    return {
      describe: () => ({ provider: 'none' }),
      forRun: () => {
        throw noModel()
      },
    }
  const { baseUrl, tiers, prices, contextTokens, maxOutputTokens, apiKey } = settings
  const provider = buildOpenAiProvider(settings)
  // What is found out about a model holds for all runs.
  const known = new Map<string, StructuredMode>()
  const toolsInWords = new Set<string>()
  const bounds = buildPromptBounds()
  const tierOf = (tier: ModelTier) => tiers[tier]
  return {
    describe: () => ({ provider: 'openai', baseUrl, tiers: { ...tiers } }),
    forRun(options) {
      requirePrices(options.budget, Object.values(tiers), prices)
      return buildRunModel({
        provider,
        meter: buildMeter({
          db,
          organizationId: options.organizationId,
          runId: options.runId,
          budget: options.budget,
          secondsUsed: options.secondsUsed ?? 0,
          signal: options.signal,
          priceOf: (model) => prices[model],
          unpriced: Object.values(tiers).find((model) => prices[model] === undefined),
        }),
        sink: options.sink,
        modes: buildModes(known, tierOf),
        modelOf: tierOf,
        toolsInWords,
        contextTokens,
        maxOutputTokens,
        bounds,
        redact: (text) => redactCredentials(text, apiKey === undefined ? [] : [apiKey.reveal()]),
      })
    },
  }
}

/** What agent tools answer when there is no model. */
export function noModel(): AppError {
  return new AppError('unavailable', 'No model is configured to drive the agents.', {
    retryable: false,
    hint:
      'The operator sets PATCHBAY_MODEL_BASE_URL and PATCHBAY_MODEL (any OpenAI-compatible server, also a local one; docs/models.md). ' +
      'Without one the same is done by hand: import_spec, create_connector and create_action build connectors, verify_connection and run_action try them, propose_action_fix and update_action mend them, ' +
      'create_workflow, validate_workflow, run_workflow and deploy_workflow build workflows; search_tools finds the rest.',
  })
}
