import type { Passage } from './build-from-docs.ts'

const MAX_SEEN = 20
/** Addresses as manuals write them: up to what ends them in prose, code or markup. */
const ADDRESS = /https?:\/\/[^\s"'`<>()[\]|\\]+/g

/**
 * The passage that says an address, letter by letter (a trailing slash aside; where the passage leaves the scheme out, it is
 * https). Undefined: none does, so whoever named it guessed.
 */
export function passageSaying(baseUrl: string, passages: readonly Passage[]): Passage | undefined {
  const [, scheme, place] = /^(https?:\/\/)([^/].*?)\/*$/i.exec(baseUrl.trim()) ?? []
  if (scheme === undefined || place === undefined) return undefined
  const left = scheme.toLowerCase() === 'https://' ? '(?:https://)?' : 'http://'
  // Not within a longer host, an address of somebody else's (a@b) or a longer name in the path.
  const said = new RegExp(`(?<![\\w.@/:%-])${left}${escaped(place)}(?![\\w@%~-]|\\.\\w|:\\d)`, 'i')
  return passages.find(({ content }) => said.test(content))
}

/** Addresses that stand in the passages, whatever they are for: a help for who must say which it is. */
export function addressesIn(passages: readonly Passage[]): { address: string; passage: string }[] {
  const seen = new Map<string, string>()
  for (const { id, content } of passages)
    for (const [found] of content.matchAll(ADDRESS)) {
      const address = found.replace(/[.,;:!?*_]+$/, '')
      if (seen.size < MAX_SEEN && !seen.has(address)) seen.set(address, id)
    }
  return [...seen].map(([address, passage]) => ({ address, passage }))
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
