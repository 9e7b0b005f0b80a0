import { AppError } from '../../core/errors.ts'
import {
  DEFAULT_CONTEXT_TOKENS,
  DEFAULT_MAX_OUTPUT_TOKENS,
  type ModelSettings,
} from '../../core/model-settings.ts'
import type { Database } from '../../db/database.ts'
import { buildMeter, requirePrices } from './budget.ts'
import { MODEL_TIERS, type Models, type ModelTier, type RunModelOptions } from './models.ts'
import { buildOpenAiProvider } from './openai.ts'
import { redactCredentials } from './redact.ts'
import { buildRunModel } from './run-model.ts'
import { buildSampledProvider } from './sampled.ts'
import { buildModes, type StructuredMode } from './structured.ts'
import { buildPromptBounds } from './token-bound.ts'
import type { TurnProvider } from './turn.ts'

/** Who answers, and what is known of it. */
interface Source {
  provider: TurnProvider
  tierOf(tier: ModelTier): string
  prices: ModelSettings['prices']
  contextTokens: number
  maxOutputTokens: number
  /** By model, as found out: holds for all runs. */
  known: Map<string, StructuredMode>
  toolsInWords: Set<string>
  redact(text: string): string
}

/** The models that drive the agents, from the operator's settings, or the client's; see `Models`. */
export function buildModels(deps: { settings: ModelSettings | undefined; db: Database }): Models {
  const { settings, db } = deps
  const bounds = buildPromptBounds()
  const server = settings === undefined ? undefined : serverModels(settings)
  return {
    describe: () =>
      settings === undefined
        ? { provider: 'none' }
        : { provider: 'openai', baseUrl: settings.baseUrl, tiers: { ...settings.tiers } },
    forRun(options) {
      const source = options.askClient === undefined ? server : clientModels(options.askClient)
      if (source === undefined) throw noModel()
      const { tierOf, prices, known, ...parts } = source
      const models = MODEL_TIERS.map(tierOf)
      requirePrices(options.budget, models, prices)
      return buildRunModel({
        ...parts,
        meter: buildMeter({
          db,
          organizationId: options.organizationId,
          runId: options.runId,
          budget: options.budget,
          secondsUsed: options.secondsUsed ?? 0,
          signal: options.signal,
          priceOf: (model) => prices[model],
          unpriced: models.find((model) => prices[model] === undefined),
        }),
        sink: options.sink,
        modes: buildModes(known, tierOf),
        modelOf: tierOf,
        bounds,
      })
    },
  }
}

function serverModels(settings: ModelSettings): Source {
  const { tiers, prices, contextTokens, maxOutputTokens, apiKey } = settings
  return {
    provider: buildOpenAiProvider(settings),
    tierOf: (tier) => tiers[tier],
    prices,
    contextTokens,
    maxOutputTokens,
    known: new Map(),
    toolsInWords: new Set(),
    redact: (text) => redactCredentials(text, apiKey === undefined ? [] : [apiKey.reveal()]),
  }
}

/** Nobody can know beforehand which model of its own a client takes: they are called by what they are wanted for. */
function clientModels(askClient: NonNullable<RunModelOptions['askClient']>): Source {
  return {
    provider: buildSampledProvider(askClient),
    tierOf: (tier) => tier,
    prices: {},
    contextTokens: DEFAULT_CONTEXT_TOKENS,
    maxOutputTokens: DEFAULT_MAX_OUTPUT_TOKENS,
    known: new Map(MODEL_TIERS.map((tier) => [tier, 'text'])),
    toolsInWords: new Set(MODEL_TIERS),
    redact: (text) => redactCredentials(text, []),
  }
}

/** What agent tools answer when there is no model. */
export function noModel(): AppError {
  return new AppError('unavailable', 'No model is configured to drive the agents.', {
    retryable: false,
    hint:
      'The operator sets PATCHBAY_MODEL_BASE_URL and PATCHBAY_MODEL (any OpenAI-compatible server, also a local one; docs/models.md); ' +
      'or call from an MCP client whose own model the agents may use (the capability sampling). ' +
      'Without one the same is done by hand: import_spec, create_connector and create_action build connectors, test_actions and run_action try them, propose_action_fix and update_action mend them, ' +
      'create_workflow, validate_workflow, run_workflow and deploy_workflow build workflows; search_tools finds the rest.',
  })
}
