import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { AppError } from './errors.ts'
import { type ModelSettings, modelEnvironment, readModelSettings } from './model-settings.ts'

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )

/** Hosts, addresses or CIDR ranges: an entry with a slash must be a range. */
const addresses = list.superRefine((entries, context) => {
  for (const entry of entries) {
    if (!entry.includes('/') || ipaddr.isValidCIDR(entry)) continue
    context.addIssue({ code: 'custom', message: `'${entry}' is no CIDR range such as 10.0.0.0/8` })
  }
})

/** Isolates each sandbox process keeps. */
export const WARM_ISOLATES = 96

const MASTER_KEY_FORM = '32 bytes in base64 (openssl rand -base64 32)'
const isMasterKey = (text: string) => Buffer.from(text, 'base64').length === 32

/** Every setting of Patchbay, read from the environment once at start. */
const environmentSchema = z.object({
  PATCHBAY_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  PATCHBAY_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8787)
    .describe('Port to listen on; 0 picks a free one.'),
  PATCHBAY_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'The address clients and webhook senders reach this server at, when it is not the listening one.',
    ),
  PATCHBAY_DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder of the embedded database, the owner key and the master key.'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('A Postgres 15+ server to use in place of the embedded database.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe('A Redis server to hold the queues; without it the queues live in Postgres.'),
  PATCHBAY_REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]{1,40}$/i, 'must be 1 to 40 letters, digits, _ or -')
    .default('patchbay')
    .describe(
      'What the names of all keys in Redis begin with: each installation that shares a Redis database needs its own.',
    ),
  PATCHBAY_API_KEY: z
    .string()
    .regex(
      /^pk_(test|live)_[A-Za-z0-9_-]{32,}$/,
      'must look like pk_live_ followed by 32 or more letters, digits, _ or -',
    )
    .optional()
    .describe('The owner API key to install on first start; without it one is generated.'),
  PATCHBAY_MASTER_KEY: z
    .string()
    .refine(isMasterKey, `must be ${MASTER_KEY_FORM}`)
    .optional()
    .describe(
      'Master key that wraps the data keys. Required with DATABASE_URL; otherwise kept in the data folder.',
    ),
  PATCHBAY_PREVIOUS_MASTER_KEYS: list
    .refine((keys) => keys.every(isMasterKey), `each must be ${MASTER_KEY_FORM}`)
    .describe(
      'Other master keys that may have wrapped data keys, until rotate_keys has wrapped those with the current one.',
    ),
  PATCHBAY_ALLOWED_HOSTS: list.describe(
    'Host names this server answers to, besides localhost and the public URL.',
  ),
  PATCHBAY_TRUSTED_PROXIES: addresses.describe(
    'Addresses or CIDR ranges of reverse proxies whose X-Forwarded-* headers tell who the client is.',
  ),
  PATCHBAY_ALLOWED_PRIVATE_HOSTS: addresses.describe(
    'Private hosts, addresses or CIDR ranges that connectors and workflows may call.',
  ),
  PATCHBAY_LOG_LEVEL: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('Least severe line logged.'),
  PATCHBAY_SANDBOX_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Processes that run workflow code.'),
  PATCHBAY_WARM_ISOLATES: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_000)
    .default(WARM_ISOLATES)
    .describe(
      'Isolates each sandbox process keeps for the next execution of the same customer and workflow, about 5 MB each (0.5 GB in all when there are so many); a new one takes some milliseconds of processor time.',
    ),
  PATCHBAY_WORKER_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(0)
    .max(500)
    .default(50)
    .describe(
      'Executions run at once by this process. 0 for a server that leaves them to workers: it runs only what a caller waits for (the tier Instant).',
    ),
  PATCHBAY_AGENT_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe('Runs of agents this process works on at once.'),
  PATCHBAY_AGENT_RUNS_PER_ORGANIZATION: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe('Runs of agents of one organization at once, over all processes; the others are queued.'),
  PATCHBAY_RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(6000)
    .describe('Calls per minute of an API key that sets no ceiling of its own.'),
  PATCHBAY_MAX_WEBHOOK_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(5 * 1024 * 1024)
    .describe('Largest webhook body accepted.'),
  PATCHBAY_HISTORY_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(90)
    .describe(
      'Days that executions, events and traces are kept at least; they go, by whole partitions, at most a quarter of that (a day) later. Executions that have not ended, and dead letters not replayed, stay.',
    ),
  PATCHBAY_EMBEDDINGS: z
    .enum(['builtin', 'endpoint', 'none'])
    .optional()
    .describe(
      'What makes the embeddings of the documentation index: the model that comes along (English; the default), an endpoint (the default with PATCHBAY_EMBEDDING_BASE_URL), or nothing: search by words alone.',
    ),
  PATCHBAY_EMBEDDING_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where an OpenAI-compatible POST /embeddings is, such as https://api.openai.com/v1.'),
  PATCHBAY_EMBEDDING_MODEL: z.string().min(1).optional().describe('The embedding model of that endpoint.'),
  PATCHBAY_EMBEDDING_API_KEY: z
    .string()
    .min(1)
    .optional()
    .describe('Key of that endpoint, sent as bearer token.'),
  PATCHBAY_EMBEDDING_DIMENSIONS: z.coerce
    .number()
    .int()
    .min(8)
    .max(16_000)
    .optional()
    .describe(
      'Length of its vectors, asked for with every request. Up to 2000, they then have an index; without it they are compared one by one.',
    ),
  ...modelEnvironment,
  PATCHBAY_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('For the command line: the server to call, when it is not the one of the data folder.'),
})

export type EmbeddingSettings =
  | { by: 'builtin' }
  | { by: 'none' }
  | {
      by: 'endpoint'
      baseUrl: string
      model: string
      apiKey: string | undefined
      dimensions: number | undefined
    }

export interface Config {
  host: string
  port: number
  publicUrl: string | undefined
  dataDir: string
  databaseUrl: string | undefined
  redisUrl: string | undefined
  redisPrefix: string
  ownerApiKey: string | undefined
  masterKey: string | undefined
  previousMasterKeys: readonly string[]
  allowedHosts: readonly string[]
  trustedProxies: readonly string[]
  allowedPrivateHosts: readonly string[]
  logLevel: z.infer<typeof environmentSchema>['PATCHBAY_LOG_LEVEL']
  sandboxProcesses: number
  warmIsolates: number
  workerConcurrency: number
  agentConcurrency: number
  agentRunsPerOrganization: number
  rateLimitPerMinute: number
  maxWebhookBytes: number
  historyDays: number
  /** What makes the embeddings of the documentation index. */
  embeddings: EmbeddingSettings
  /** The endpoint whose models drive the agents; undefined: none. */
  model: ModelSettings | undefined
  /** The server the command line calls. */
  clientUrl: string | undefined
}

/** Names, defaults and meanings of every setting, for the reference page. */
export const settings = Object.entries(environmentSchema.shape).map(([name, schema]) => {
  const unset = schema.safeParse(undefined)
  return {
    name,
    description: schema.description ?? '',
    /** The value when it is not set; undefined when there is none. */
    default: unset.success ? unset.data : undefined,
  }
})

/**
 * Reads the configuration.
 * @throws AppError `misconfigured` naming every bad setting at once, unknown `PATCHBAY_*` names included:
 * a setting that cannot take effect is refused.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const problems = Object.keys(given)
    .filter((name) => name.startsWith('PATCHBAY_') && !(name in environmentSchema.shape))
    .map((name) => `${name}: no such setting`)
  const parsed = environmentSchema.safeParse(given)
  if (!parsed.success)
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  if (given.DATABASE_URL !== undefined && given.PATCHBAY_MASTER_KEY === undefined) {
    problems.push('PATCHBAY_MASTER_KEY: required with DATABASE_URL (make one with: openssl rand -base64 32)')
  }
  if (parsed.success && parsed.data.PATCHBAY_WORKER_CONCURRENCY === 0 && given.DATABASE_URL === undefined) {
    problems.push(
      'PATCHBAY_WORKER_CONCURRENCY: 0 leaves executions to workers, which need a Postgres server: set DATABASE_URL too',
    )
  }
  const embeddings = parsed.success ? embeddingsOf(parsed.data, problems) : { by: 'none' as const }
  const model = parsed.success ? readModelSettings(parsed.data) : undefined
  if (model !== undefined && 'problems' in model) problems.push(...model.problems)
  if (problems.length > 0 || !parsed.success || (model !== undefined && 'problems' in model)) {
    throw new AppError(
      'misconfigured',
      `The environment has settings Patchbay cannot use:\n  ${problems.join('\n  ')}`,
      {
        hint: 'Correct or unset them and start again. docs/reference.md lists every setting.',
        data: { problems },
      },
    )
  }
  const env = parsed.data
  return {
    host: env.PATCHBAY_HOST,
    port: env.PATCHBAY_PORT,
    publicUrl: env.PATCHBAY_PUBLIC_URL?.replace(/\/+$/, ''),
    dataDir: env.PATCHBAY_DATA_DIR,
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    redisPrefix: env.PATCHBAY_REDIS_PREFIX,
    ownerApiKey: env.PATCHBAY_API_KEY,
    masterKey: env.PATCHBAY_MASTER_KEY,
    previousMasterKeys: env.PATCHBAY_PREVIOUS_MASTER_KEYS,
    allowedHosts: env.PATCHBAY_ALLOWED_HOSTS,
    trustedProxies: env.PATCHBAY_TRUSTED_PROXIES,
    allowedPrivateHosts: env.PATCHBAY_ALLOWED_PRIVATE_HOSTS,
    logLevel: env.PATCHBAY_LOG_LEVEL,
    sandboxProcesses: env.PATCHBAY_SANDBOX_PROCESSES,
    warmIsolates: env.PATCHBAY_WARM_ISOLATES,
    workerConcurrency: env.PATCHBAY_WORKER_CONCURRENCY,
    agentConcurrency: env.PATCHBAY_AGENT_CONCURRENCY,
    agentRunsPerOrganization: env.PATCHBAY_AGENT_RUNS_PER_ORGANIZATION,
    rateLimitPerMinute: env.PATCHBAY_RATE_LIMIT_PER_MINUTE,
    maxWebhookBytes: env.PATCHBAY_MAX_WEBHOOK_BYTES,
    historyDays: env.PATCHBAY_HISTORY_DAYS,
    embeddings,
    model,
    clientUrl: env.PATCHBAY_URL?.replace(/\/+$/, ''),
  }
}

/** The embedding settings as one; those that contradict each other, or can take no effect, are problems. */
function embeddingsOf(env: z.infer<typeof environmentSchema>, problems: string[]): EmbeddingSettings {
  const baseUrl = env.PATCHBAY_EMBEDDING_BASE_URL
  const by = env.PATCHBAY_EMBEDDINGS ?? (baseUrl === undefined ? 'builtin' : 'endpoint')
  if (by !== 'endpoint') {
    const given = Object.entries(env).filter(
      ([name, value]) => name.startsWith('PATCHBAY_EMBEDDING_') && value !== undefined,
    )
    for (const [name] of given)
      problems.push(
        `${name}: has no effect without ${baseUrl === undefined ? 'PATCHBAY_EMBEDDING_BASE_URL' : 'PATCHBAY_EMBEDDINGS=endpoint'}`,
      )
    return { by }
  }
  const model = env.PATCHBAY_EMBEDDING_MODEL
  if (baseUrl === undefined)
    problems.push('PATCHBAY_EMBEDDING_BASE_URL: required with PATCHBAY_EMBEDDINGS=endpoint')
  if (model === undefined) problems.push('PATCHBAY_EMBEDDING_MODEL: required with an embedding endpoint')
  return {
    by,
    baseUrl: baseUrl ?? '',
    model: model ?? '',
    apiKey: env.PATCHBAY_EMBEDDING_API_KEY,
    dimensions: env.PATCHBAY_EMBEDDING_DIMENSIONS,
  }
}
