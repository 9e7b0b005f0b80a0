/** Words that say what a document is, not what the product is called. */
const NOISE = new Set([
  'api',
  'apis',
  'rest',
  'restful',
  'http',
  'openapi',
  'swagger',
  'spec',
  'specification',
  'definition',
  'documentation',
  'docs',
  'reference',
  'public',
  'collection',
  'service',
  'the',
  'official',
])
const VERSION = /^v?\d+([._-]\d+)*([._-]?(alpha|beta|rc)\d*)?$/i
const MAX_SLUG_CHARS = 40

/**
 * A connector's slug from its name: camelCase, `^[a-z][a-zA-Z0-9]*$`, without words such as "API" and
 * version numbers. `GitHub v3 REST API` → `github`, `Google Maps Platform API` → `googleMapsPlatform`.
 */
export function slugify(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/['’]s\b/g, '')
    .replace(/[\u0300-\u036f'’]/g, '')
    // What follows a dash, bar or plus explains the name: 'Swagger Petstore - OpenAPI 3.0'.
    .replace(/(?<=\w.*)\s[-–—|+]\s.*$/, '')
    .split(/[^A-Za-z0-9._]+/)
    .map((word) => word.replace(/^[._]+|[._]+$/g, ''))
    .filter((word) => word !== '')
  const telling = words.filter((word) => !NOISE.has(word.toLowerCase()) && !VERSION.test(word))
  const parts = (telling.length > 0 ? telling : words).flatMap((word) => word.split(/[._]+/))
  let slug = ''
  for (const part of parts) {
    const word = slug === '' ? part.toLowerCase() : part.charAt(0).toUpperCase() + part.slice(1).toLowerCase()
    if (slug !== '' && slug.length + word.length > MAX_SLUG_CHARS) break
    slug += word
  }
  slug = slug.slice(0, MAX_SLUG_CHARS)
  if (slug === '') return 'connector'
  return /^[a-z]/.test(slug) ? slug : `app${slug}`
}

/** Words of an identifier or a sentence in snake_case: `issues/createComment` → `issues_create_comment`. */
export function snakeCase(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
}
