import { getDomain } from 'tldts'
import { isGuess, type Lead, type Link, stages } from './lead.ts'
import type { DiscoveryLimits } from './limits.ts'

export interface Agenda {
  add(leads: readonly Lead[]): void
  /** Leads of what an answer said: descriptions wherever they are, pages of the same site only. */
  addLinks(from: Lead, links: readonly Link[], scripts: readonly string[]): void
  /** Follows everything, the likeliest first, until nothing is left. */
  work(how: {
    hasRoom(origin: string): boolean
    follow(lead: Lead): Promise<void>
    skip(lead: Lead, reason: string): void
  }): Promise<void>
}

const MAX_DEPTH = 2
const FOUND = 'a description is found: nothing more is guessed'

/** What is still to be asked. Each address once; guesses wait until everything told is done. */
export function buildAgenda(given: URL, limits: DiscoveryLimits, isFound: () => boolean): Agenda {
  const known = new Set<string>()
  const open: (Lead & { origin: string })[] = []
  const site = siteOf(given)
  let pages = 0

  const add = (leads: readonly Lead[]) => {
    for (const lead of leads) {
      const key = lead.url.replace(/\/$/, '')
      if (known.has(key)) {
        // A guess that the site confirms is asked at once.
        const guess = open.find(({ url, stage }) => url.replace(/\/$/, '') === key && stage > lead.stage)
        if (guess !== undefined) Object.assign(guess, lead, { isPage: lead.isPage || guess.isPage })
        continue
      }
      known.add(key)
      open.push({ ...lead, origin: new URL(lead.url).origin })
    }
  }

  const nextOf = (hasRoom: (origin: string) => boolean, running: readonly Lead[]): Lead | undefined => {
    const busy = Math.min(...running.map(({ stage }) => stage))
    let best: (typeof open)[number] | undefined
    for (const lead of open) {
      // What is under way may still tell what would otherwise be guessed.
      if (isGuess(lead) && busy < lead.stage) continue
      if ((best === undefined || lead.stage < best.stage) && hasRoom(lead.origin)) best = lead
    }
    const earliest = Math.min(...open.map(({ stage }) => stage))
    // A busy host is waited for, rather than guessing at another meanwhile.
    if (best === undefined || (isGuess(best) && earliest < best.stage)) return undefined
    open.splice(open.indexOf(best), 1)
    return best
  }

  return {
    add,
    addLinks(from, links, scripts) {
      const depth = from.depth + 1
      add(
        links.flatMap(({ url, kind, foundBy }): Lead[] => {
          if (kind === 'description') return [{ url, foundBy, stage: stages.declared, depth, isPage: false }]
          const isOwn = siteOf(new URL(url)) === site && depth <= MAX_DEPTH
          return isOwn ? [{ url, foundBy, stage: stages.page, depth, isPage: true }] : []
        }),
      )
      add(
        scripts
          .filter((url) => siteOf(new URL(url)) === site)
          .map((url) => ({
            url,
            foundBy: `script of ${from.url}`,
            stage: stages.declared,
            depth,
            isPage: false,
          })),
      )
    },
    async work({ hasRoom, follow, skip }) {
      const running = new Map<Lead, Promise<void>>()
      while (open.length > 0 || running.size > 0) {
        const lead = running.size < limits.concurrency ? nextOf(hasRoom, [...running.keys()]) : undefined
        if (lead === undefined) {
          if (running.size === 0) break
          await Promise.race(running.values())
          continue
        }
        if (isGuess(lead) && isFound()) skip(lead, FOUND)
        else if (lead.isPage && lead.stage === stages.page && ++pages > limits.maxPages)
          skip(lead, `the limit of ${limits.maxPages} pages is reached`)
        else
          running.set(
            lead,
            follow(lead).finally(() => running.delete(lead)),
          )
      }
    },
  }
}

/** The registrable domain; the host, where there is none (an address, localhost). */
export const siteOf = ({ hostname }: URL): string =>
  getDomain(hostname, { allowPrivateDomains: true }) ?? hostname
