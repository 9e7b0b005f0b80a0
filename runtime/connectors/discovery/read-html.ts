import { absolute, type Link, linkKind } from './lead.ts'
import { parseMarkup } from './parse-markup.ts'
import { linksOfScript } from './read-script.ts'

export interface PageLinks {
  title: string
  links: Link[]
  /** Scripts beside the page that configure a viewer of API descriptions. */
  scripts: string[]
  /** Why the page was not read to its end. */
  cutShort?: string
}

const MAX_LINKS = 300
const MAX_TEXT_CHARS = 200
const MAX_SCRIPT_CHARS = 500_000
const VIEWER_SCRIPT =
  /swagger-initializer|swagger-ui-init|swagger-config|init(?:ialize)?-?swagger|redoc-init|scalar-config|openapi-config/i
/** Elements that show a description, and the attribute that names it. */
const VIEWERS: Record<string, { name: string; attributes: string[] }> = {
  redoc: { name: 'Redoc', attributes: ['spec-url'] },
  'redoc-wc': { name: 'Redoc', attributes: ['spec-url'] },
  'rapi-doc': { name: 'RapiDoc', attributes: ['spec-url'] },
  'openapi-explorer': { name: 'OpenAPI Explorer', attributes: ['spec-url'] },
  'elements-api': { name: 'Stoplight Elements', attributes: ['apidescriptionurl'] },
  'api-reference': { name: 'Scalar', attributes: ['spec-url', 'data-url'] },
}
const DESCRIPTION_RELATIONS = new Set(['service-desc', 'describedby', 'api-catalog', 'openapi'])

/** What a page says of API descriptions: link elements, viewers and their configuration, and its links. */
export function readHtml(html: string, pageUrl: string): PageLinks {
  const links = new Map<string, Link>()
  const scripts = new Set<string>()
  let base = pageUrl
  let title = ''
  let inTitle = false
  let anchor: { href: string; text: string } | undefined
  let script: string | undefined

  const add = (reference: string | undefined, kind: Link['kind'] | undefined, foundBy: string) => {
    const url = reference === undefined ? undefined : absolute(reference, base)
    if (url === undefined || kind === undefined || links.size >= MAX_LINKS) return
    // What is said outright stands over what a name suggests.
    if (links.get(url)?.kind !== 'description') links.set(url, { url, kind, foundBy })
  }
  const configuration = (text: string) => {
    for (const link of linksOfScript(text, base, pageUrl)) add(link.url, link.kind, link.foundBy)
  }
  const closeAnchor = () => {
    const url = anchor === undefined ? undefined : absolute(anchor.href, base)
    if (anchor !== undefined && url !== undefined) {
      const text = anchor.text.replace(/\s+/g, ' ').trim()
      add(url, linkKind(url, text), `link '${text.slice(0, 60)}' of ${pageUrl}`)
    }
    anchor = undefined
  }
  const open: Record<string, (attributes: Record<string, string>) => void> = {
    base: ({ href }) => {
      base = (href === undefined ? undefined : absolute(href, pageUrl)) ?? base
    },
    link: ({ rel, href }) => {
      for (const relation of (rel ?? '').toLowerCase().split(/\s+/)) {
        if (DESCRIPTION_RELATIONS.has(relation))
          add(href, 'description', `<link rel="${relation}"> of ${pageUrl}`)
        if (relation === 'service-doc') add(href, 'page', `<link rel="service-doc"> of ${pageUrl}`)
      }
    },
    a: ({ href, title: hover }) => {
      closeAnchor()
      if (href !== undefined) anchor = { href, text: `${hover ?? ''} ` }
    },
    iframe: ({ src }) => {
      const url = src === undefined ? undefined : absolute(src, base)
      if (url !== undefined) add(url, linkKind(url), `frame of ${pageUrl}`)
    },
    script: ({ src, id, 'data-url': dataUrl, 'data-configuration': settings }) => {
      script = ''
      if (id === 'api-reference') {
        add(dataUrl, 'description', `configuration of Scalar in ${pageUrl}`)
        configuration(`scalar ${settings ?? ''}`)
      }
      const url = src === undefined ? undefined : absolute(src, base)
      if (url !== undefined && VIEWER_SCRIPT.test(url)) scripts.add(url)
    },
    title: () => {
      inTitle = true
    },
  }
  const cutShort = parseMarkup(html, {
    onopentag(name, attributes) {
      const viewer = Object.hasOwn(VIEWERS, name) ? VIEWERS[name] : undefined
      for (const attribute of viewer?.attributes ?? [])
        add(attributes[attribute], 'description', `configuration of ${viewer?.name} in ${pageUrl}`)
      if (Object.hasOwn(open, name)) open[name]?.(attributes)
    },
    ontext(text) {
      if (inTitle && title.length < MAX_TEXT_CHARS) title += text
      if (anchor !== undefined && anchor.text.length < MAX_TEXT_CHARS) anchor.text += text
      if (script !== undefined && script.length < MAX_SCRIPT_CHARS) script += text
    },
    onclosetag(name) {
      if (name === 'title') inTitle = false
      if (name === 'a') closeAnchor()
      if (name === 'script' && script !== undefined) {
        configuration(script)
        script = undefined
      }
    },
  })
  closeAnchor()
  return {
    title: title.trim().slice(0, MAX_TEXT_CHARS),
    links: [...links.values()],
    scripts: [...scripts].slice(0, 3),
    ...(cutShort === undefined ? {} : { cutShort }),
  }
}
