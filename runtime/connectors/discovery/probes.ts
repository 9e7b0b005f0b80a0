import { getDomain } from 'tldts'
import { type Lead, type Stage, stages } from './lead.ts'

/** Where sites say it themselves: RFC 9727, and what came before it. */
const WELL_KNOWN = ['api-catalog', 'openapi.json', 'openapi.yaml', 'ai-plugin.json']

/** Where frameworks put the description, the commonest first. */
export const COMMON_PATHS = [
  '/openapi.json', // FastAPI, many others
  '/openapi.yaml',
  '/swagger.json', // Flask-RESTX, go-swagger
  '/v3/api-docs', // springdoc
  '/v3/api-docs/swagger-config',
  '/v2/api-docs', // Springfox
  '/api-docs',
  '/api-docs.json', // swagger-jsdoc
  '/api/openapi.json',
  '/api/swagger.json',
  '/api/docs.json',
  '/api-json', // NestJS
  '/api/docs-json',
  '/docs-json',
  '/swagger/v1/swagger.json', // ASP.NET
  '/openapi/v1.json', // ASP.NET 9
  '/swagger/doc.json', // swaggo
  '/swagger/swagger.json',
  '/docs/openapi.json',
  '/docs/swagger.json',
  '/api/schema/', // drf-spectacular
  '/api/v1/openapi.json',
  '/api/v1/swagger.json',
  '/v1/openapi.json',
  '/v1/swagger.json',
  '/swagger.yaml',
  '/openapi.yml',
  '/q/openapi', // Quarkus
  '/api/v3/openapi.json',
  '/documentation/json', // fastify-swagger
]

/** Pages that show a description, whose configuration names it. */
const COMMON_PAGES = [
  '/docs',
  '/api/docs',
  '/swagger-ui/index.html',
  '/swagger/index.html',
  '/redoc',
  '/api-reference',
  '/reference',
  '/developers',
]

const SUBDOMAINS = ['api', 'docs', 'developer', 'developers', 'dev']

const lead = (url: string, foundBy: string, stage: Stage, isPage = false): Lead => ({
  url,
  foundBy,
  stage,
  depth: 0,
  isPage,
})

/** Everything that is asked about a given address without having been told of it. */
export function probes(given: URL): Lead[] {
  const { origin } = given
  const base = given.pathname.replace(/\/+$/, '')
  const leads = [lead(given.href, 'the address given', stages.given, true), ...wellKnown(origin)]
  if (base !== '') {
    leads.push(lead(`${origin}/`, 'the site of the address given', stages.page, true))
    // An API's base address often has its description right below.
    for (const path of COMMON_PATHS.slice(0, 8))
      leads.push(lead(`${origin}${base}${path}`, `common path ${path} below the address given`, stages.guess))
  }
  for (const path of COMMON_PATHS) leads.push(lead(origin + path, `common path ${path}`, stages.guess))
  for (const path of COMMON_PAGES) leads.push(lead(origin + path, `common page ${path}`, stages.guess, true))
  for (const subdomain of subdomains(given)) {
    leads.push(lead(`${subdomain}/`, `subdomain ${new URL(subdomain).hostname}`, stages.subdomain, true))
    leads.push(...wellKnown(subdomain).map((one) => ({ ...one, stage: stages.subdomain })))
    for (const path of COMMON_PATHS.slice(0, 10))
      leads.push(lead(subdomain + path, `common path ${path} of a subdomain`, stages.subdomainGuess))
  }
  return leads
}

const wellKnown = (origin: string): Lead[] => [
  ...WELL_KNOWN.map((name) =>
    lead(`${origin}/.well-known/${name}`, `/.well-known/${name}`, stages.wellKnown),
  ),
  lead(`${origin}/llms.txt`, '/llms.txt', stages.wellKnown),
]

/** Origins beside the given one: the registrable domain itself, and its usual subdomains. */
function subdomains(given: URL): string[] {
  const domain = getDomain(given.hostname, { allowPrivateDomains: true })
  if (domain === null) return []
  const port = given.port === '' ? '' : `:${given.port}`
  return [...SUBDOMAINS.map((name) => `${name}.${domain}`), domain]
    .filter((host) => host !== given.hostname)
    .map((host) => `${given.protocol}//${host}${port}`)
}
