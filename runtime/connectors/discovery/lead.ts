/**
 * When a lead is followed: what the site itself says comes before guesses, and guesses are made only while
 * nothing is found.
 */
export const stages = {
  given: 0,
  declared: 1,
  wellKnown: 2,
  page: 3,
  guess: 4,
  subdomain: 5,
  subdomainGuess: 6,
} as const
export type Stage = (typeof stages)[keyof typeof stages]

/** An address that may be, or lead to, an API description. */
export interface Lead {
  url: string
  /** Why it is asked, e.g. `Swagger UI of https://…/docs`. */
  foundBy: string
  stage: Stage
  /** How many pages lie between it and what was given. */
  depth: number
  /** Read as a page for further leads; otherwise as a description, a catalog or a list only. */
  isPage: boolean
}

export const isGuess = (lead: Lead): boolean => lead.stage >= stages.guess

/** What a page, header or list says of another address, before it is known whether it is asked. */
export interface Link {
  url: string
  /** `description`: said to be one, or named like one. `page`: documentation. */
  kind: 'description' | 'page'
  foundBy: string
}

const DESCRIPTION_FILE = /(?:openapi|swagger|api-?docs|api-?spec|postman)[^/]*\.(?:json|ya?ml)$/i
const DESCRIPTION_PATH =
  /\/(?:openapi|swagger|api-docs|swagger-config)(?:\.(?:json|ya?ml))?$|\/v[23]\/api-docs(?:\/[^/]+)?$|\.postman_collection(?:\.json)?$/i
const PAGE =
  /(?:^|[/.-])(?:apis?|api-?reference|developers?|dev|docs?|documentation|reference|redoc|swagger(?:-ui)?|rest|openapi)(?:[/.#-]|$)/i
const DESCRIPTION_TEXT = /\b(?:openapi|swagger)\b|\bpostman collection\b/i
const PAGE_TEXT = /\b(?:api|developers?|documentation|docs|reference|swagger|openapi)\b/i
const DATA_FILE = /\.(?:json|ya?ml)$/i
const OTHER_FILE = /\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|pdf|zip|gz|tgz|mp4|woff2?)$/i
/** Swagger UI shows it where nobody configured another: it is never the site's own API. */
const EXAMPLE = /^https?:\/\/(?:petstore3?\.swagger\.io|editor\.swagger\.io)\//i

/** An absolute http(s) address without fragment or user information; undefined for anything else. */
export function absolute(reference: string, base: string): string | undefined {
  const url = URL.parse(reference.trim(), base)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined
  if (url.username !== '' || url.password !== '' || url.href.length > 2000) return undefined
  url.hash = ''
  const direct = rawAddress(url) ?? url.href
  return EXAMPLE.test(direct) ? undefined : direct
}

/** What an address and the words about it promise; undefined: nothing to do with an API. */
export function linkKind(url: string, text = ''): Link['kind'] | undefined {
  const { pathname, hostname } = new URL(url)
  if (DESCRIPTION_FILE.test(pathname) || DESCRIPTION_PATH.test(pathname) || isPostmanApi(url))
    return 'description'
  if (DATA_FILE.test(pathname)) return DESCRIPTION_TEXT.test(text) ? 'description' : undefined
  if (OTHER_FILE.test(pathname)) return undefined
  return PAGE.test(pathname) || PAGE.test(`.${hostname}`) || PAGE_TEXT.test(text) ? 'page' : undefined
}

const isPostmanApi = (url: string): boolean =>
  /^https:\/\/(?:documenter\.gw\.postman\.com\/api\/collections|www\.getpostman\.com\/collections)\//.test(
    url,
  )

/** Pages of hosts that show a file are asked for the file: GitHub, and Postman's published collections. */
function rawAddress({ hostname, pathname }: URL): string | undefined {
  const parts = pathname.split('/').filter((part) => part !== '')
  if (hostname === 'github.com' && (parts[2] === 'blob' || parts[2] === 'raw') && DATA_FILE.test(pathname)) {
    const [owner, repository, , ...rest] = parts
    return `https://raw.githubusercontent.com/${owner}/${repository}/${rest.join('/')}`
  }
  if (
    hostname === 'documenter.getpostman.com' &&
    (parts[0] === 'view' || parts[0] === 'collection') &&
    parts.length >= 3
  ) {
    return `https://documenter.gw.postman.com/api/collections/${parts[1]}/${parts[2]}?segregateAuth=true&versionTag=latest`
  }
  if (hostname === 'app.getpostman.com' && parts[0] === 'run-collection' && parts[1] !== undefined) {
    return `https://www.getpostman.com/collections/${parts[1]}`
  }
  return undefined
}
