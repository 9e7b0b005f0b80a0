import { z } from 'zod'
import { discoverSpecs } from '../../runtime/connectors/discovery/discover.ts'
import type { Candidate } from '../../runtime/connectors/discovery/rank.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'

const DEADLINE_MS = 90_000

export const DiscoveryTarget = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .describe('A domain (example.com), a documentation page, or an API’s base address.')

export const SpecCandidate = z.object({
  url: z.string().describe('What import_spec takes as `url`.'),
  format: z.enum(['openapi', 'swagger', 'postman']),
  formatVersion: z.string().describe('Such as 3.1.0.'),
  title: z.string(),
  version: z.string().nullable().describe('The API’s own version.'),
  operations: z
    .number()
    .int()
    .nullable()
    .describe('How many; null: not counted (a large document, or one of several files).'),
  foundBy: z.string().describe('How it was found.'),
  alsoAt: z.array(z.string()).describe('Other addresses of the same description.'),
})

export const toSpecCandidate = ({ hash: _hash, stage: _stage, ...candidate }: Candidate) => candidate

export const discoverSpec = defineTool({
  name: 'discover_spec',
  title: 'Find an API’s description',
  description:
    'Finds API descriptions (OpenAPI, Swagger, Postman collections) of an app from its domain, a documentation page or its API’s base address: API catalog, links, documentation viewers, llms.txt, common addresses and subdomains. Returns the likeliest first, for import_spec, and everything tried with its result. Takes up to a minute; stores nothing.',
  input: z.object({ target: DiscoveryTarget }),
  output: z.object({
    candidates: z.array(SpecCandidate).describe('The likeliest first; empty: none was found.'),
    tried: z
      .array(
        z.object({
          url: z.string(),
          foundBy: z.string().describe('Why it was asked.'),
          outcome: z.string().describe('What came of it.'),
        }),
      )
      .describe('Every address asked.'),
    notAsked: z
      .array(
        z.object({
          reason: z.string(),
          count: z.number().int(),
          examples: z.array(z.string()).describe('The first of them.'),
        }),
      )
      .describe('What was not asked, by reason: robots.txt, hosts that do not exist, limits.'),
    requests: z.number().int().describe('Requests made.'),
    bytes: z.number().int().describe('Bytes read.'),
  }),
  permission: 'connectors.create',
  effect: 'read',
  openWorld: true,
  http: 'POST /connectors/discover',
  deadlineMs: DEADLINE_MS,
  async run(context, { target }) {
    refuseCustomerKey(context.actor, 'An API description')
    const { candidates, ...rest } = await discoverFor(context, target)
    return { candidates: candidates.map(toSpecCandidate), ...rest }
  },
})

/** A discovery in the name of this server: sites read in the User-Agent who asks. */
export const discoverFor = (context: ToolContext, target: string) =>
  discoverSpecs(target, {
    http: context.services.http,
    userAgent: `Patchbay (API description discovery; +${context.services.publicUrl()})`,
    signal: context.signal,
  })
