import { AppError, invalidInput } from '../../../core/errors.ts'
import type { HttpClient } from '../../http/client.ts'
import { buildAgenda, siteOf } from './agenda.ts'
import { absolute, type Lead, stages } from './lead.ts'
import { type DiscoveryLimits, defaultDiscoveryLimits } from './limits.ts'
import { buildPoliteClient, type PoliteClient } from './polite-client.ts'
import { probes } from './probes.ts'
import { type Candidate, rank } from './rank.ts'
import { readAnswer } from './read-answer.ts'

export interface Tried {
  url: string
  foundBy: string
  /** What came of it, e.g. `not found (404)`, `a page`, `OpenAPI 3.1.0, 42 operations`. */
  outcome: string
}

export interface Discovery {
  /** The likeliest first. */
  candidates: Candidate[]
  tried: Tried[]
  /** What was not asked, and why, by reason. */
  notAsked: { reason: string; count: number; examples: string[] }[]
  requests: number
  bytes: number
}

export interface DiscoveryOptions {
  http: HttpClient
  userAgent: string
  limits?: Partial<DiscoveryLimits>
  signal?: AbortSignal
}

/**
 * Finds API descriptions (OpenAPI 3, Swagger 2.0, Postman collections) from a bare domain, a documentation page or an
 * API's base address. What the site says itself comes first (API catalog, links, viewers' configuration); common
 * addresses are guessed only while nothing is found. Bounded and polite: see {@link DiscoveryLimits} and
 * {@link buildPoliteClient}. Descriptions are told by their content, never by their name.
 *
 * @throws AppError `invalid_input` when `target` is no domain or http address; `cancelled`
 */
export async function discoverSpecs(target: string, options: DiscoveryOptions): Promise<Discovery> {
  const limits = { ...defaultDiscoveryLimits, ...options.limits }
  const timeIsOver = AbortSignal.timeout(limits.maxMs)
  const signal = options.signal === undefined ? timeIsOver : AbortSignal.any([options.signal, timeIsOver])
  const client = buildPoliteClient({ ...options, limits, signal })
  const given = await reachable(client, target)

  const candidates: Candidate[] = []
  const tried: Tried[] = []
  const notAsked = new Map<string, string[]>()
  const agenda = buildAgenda(given, limits, () =>
    // One of another site may be anybody's: the site's own may still be where it is usual.
    candidates.some(({ operations, url }) => operations !== 0 && siteOf(new URL(url)) === siteOf(given)),
  )
  const skip = (lead: Lead, reason: string) =>
    void notAsked.set(reason, [...(notAsked.get(reason) ?? []), lead.url])

  agenda.add(probes(given))
  const { stopped, sitemaps } = await client.reach(given.href)
  if (stopped === undefined) {
    const listed = sitemaps.flatMap((url) => absolute(url, given.href) ?? [])
    for (const url of [...listed, `${given.origin}/sitemap.xml`])
      agenda.add([{ url, foundBy: 'sitemap', stage: stages.page, depth: 0, isPage: false }])
  }

  const follow = async (lead: Lead) => {
    const fetched = await client.get(lead.url, lead.isPage ? limits.maxPageBytes : limits.maxDocumentBytes)
    if (fetched.kind === 'not_asked') return skip(lead, `${new URL(lead.url).host}: ${fetched.reason}`)
    if (fetched.kind === 'failed') {
      tried.push({ url: lead.url, foundBy: lead.foundBy, outcome: fetched.reason })
      return
    }
    const read = readAnswer(lead, fetched)
    tried.push({ url: lead.url, foundBy: lead.foundBy, outcome: read.outcome })
    if (read.recognized !== undefined) {
      const { url } = fetched
      candidates.push({ url, foundBy: lead.foundBy, stage: lead.stage, alsoAt: [], ...read.recognized })
    }
    agenda.addLinks(lead, read.links, read.scripts)
  }
  await agenda.work({ hasRoom: client.hasRoom, follow, skip })

  if (options.signal?.aborted) throw new AppError('cancelled', 'The discovery was cancelled.')
  return {
    candidates: rank(candidates),
    tried,
    notAsked: [...notAsked].map(([reason, urls]) => ({
      reason,
      count: urls.length,
      examples: urls.slice(0, 3),
    })),
    ...client.spent(),
  }
}

/** The address meant by `target`: over https unless it says otherwise, or the host does not speak it. */
async function reachable(client: PoliteClient, target: string): Promise<URL> {
  const text = target.trim()
  const hasScheme = /^https?:\/\//i.test(text)
  const url = absolute(hasScheme ? text : `https://${text}`, 'https://invalid.invalid/')
  const given = url === undefined ? undefined : new URL(url)
  if (
    given === undefined ||
    (!given.hostname.includes('.') && given.hostname !== 'localhost' && !given.hostname.startsWith('['))
  ) {
    throw invalidInput(`'${text.slice(0, 200)}' is neither a domain nor an http address.`, {
      where: 'target',
      hint: "Give a domain such as 'example.com', a documentation page, or an API's base address.",
    })
  }
  if (hasScheme) return given
  const { stopped } = await client.reach(given.href)
  if (stopped === undefined) return given
  const plain = new URL(given.href.replace(/^https:/, 'http:'))
  return (await client.reach(plain.href)).stopped === undefined ? plain : given
}
