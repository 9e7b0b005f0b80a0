import LinkHeader from 'http-link-header'
import { isNode, listAt, type Node, nodeAt, textAt } from '../import/nodes.ts'
import { absolute, type Link, linkKind } from './lead.ts'
import { parseMarkup } from './parse-markup.ts'

const MAX_LINKS = 200
const DESCRIPTION_RELATIONS = ['service-desc', 'describedby', 'api-catalog', 'item']

/** An API catalog (RFC 9727): a linkset (RFC 9264) whose relations name descriptions, pages and further catalogs. */
export function linksOfCatalog(document: unknown, base: string): Link[] {
  if (!isNode(document)) return []
  const links: Link[] = []
  for (const entry of listAt(document, 'linkset')) {
    if (!isNode(entry)) continue
    const context = absolute(textAt(entry, 'anchor') ?? '', base) ?? base
    for (const relation of [...DESCRIPTION_RELATIONS, 'service-doc']) {
      for (const target of listAt(entry, relation)) {
        const url = isNode(target) ? absolute(textAt(target, 'href') ?? '', context) : undefined
        if (url === undefined || links.length >= MAX_LINKS) continue
        // An `item` is an API's own address: asked as a page, whose headers may name its description.
        const kind =
          relation === 'service-doc'
            ? 'page'
            : relation === 'item'
              ? (linkKind(url) ?? 'page')
              : 'description'
        links.push({ url, kind, foundBy: `${relation} of the API catalog ${base}` })
      }
    }
  }
  return links
}

/** `ai-plugin.json` and springdoc's `swagger-config`: small JSON documents that name the description. */
export function linksOfManifest(document: unknown, base: string): Link[] {
  if (!isNode(document)) return []
  const named: Node[] = [nodeAt(document, 'api') ?? {}, document, ...listAt(document, 'urls').filter(isNode)]
  return named
    .flatMap((node) => {
      const url = absolute(textAt(node, 'url') ?? '', base)
      const known = textAt(node, 'url') !== undefined && url !== undefined
      return known ? [{ url, kind: 'description' as const, foundBy: `named by ${base}` }] : []
    })
    .slice(0, MAX_LINKS)
}

/** Link header of any answer (RFC 8288). A header that cannot be read says nothing. */
export function linksOfHeader(header: string | undefined, base: string): Link[] {
  if (header === undefined || header.length > 20_000) return []
  let references: { rel?: string; uri: string }[]
  try {
    references = LinkHeader.parse(header).refs
  } catch {
    return []
  }
  return references.flatMap(({ rel, uri }): Link[] => {
    const url = absolute(uri, base)
    const relations = (rel ?? '').toLowerCase().split(/\s+/)
    const description = ['service-desc', 'describedby', 'api-catalog'].find((one) => relations.includes(one))
    if (url === undefined) return []
    if (description !== undefined)
      return [{ url, kind: 'description' as const, foundBy: `Link header (${description}) of ${base}` }]
    return relations.includes('service-doc')
      ? [{ url, kind: 'page' as const, foundBy: `Link header (service-doc) of ${base}` }]
      : []
  })
}

const MARKDOWN_LINK = /\[([^\]\n]{0,200})\]\(([^\s()]{1,1000})\)|(https?:\/\/[^\s<>"')\]]{1,1000})/g

/** Links of llms.txt, or of any other text for reading. */
export function linksOfText(text: string, base: string): Link[] {
  const links = new Map<string, Link>()
  for (const [, words = '', reference, bare] of text.matchAll(MARKDOWN_LINK)) {
    const url = absolute(reference ?? bare ?? '', base)
    const kind = url === undefined ? undefined : linkKind(url, words)
    if (url !== undefined && kind !== undefined && links.size < MAX_LINKS && !links.has(url))
      links.set(url, { url, kind, foundBy: `named in ${base}` })
  }
  return [...links.values()]
}

/** Addresses of a sitemap, or of a list of sitemaps, that have to do with an API. */
export function linksOfSitemap(xml: string, base: string): Link[] {
  const links: Link[] = []
  let text: string | undefined
  parseMarkup(
    xml,
    {
      onopentag: (name) => {
        if (name === 'loc') text = ''
      },
      ontext: (part) => {
        if (text !== undefined && text.length < 2000) text += part
      },
      onclosetag: (name) => {
        if (name !== 'loc' || text === undefined) return
        const url = absolute(text, base)
        const kind = url === undefined ? undefined : linkKind(url)
        if (url !== undefined && kind !== undefined && links.length < MAX_LINKS)
          links.push({ url, kind, foundBy: `listed in ${base}` })
        text = undefined
      },
    },
    { xmlMode: true },
  )
  return links
}
