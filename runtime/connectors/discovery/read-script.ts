import { absolute, type Link, linkKind } from './lead.ts'

// Configuration of Swagger UI (url, urls, configUrl), Redoc and RapiDoc (specUrl, spec-url), Scalar (url), Stoplight.
const SETTING =
  /["'`]?\b(url|specUrl|spec-url|configUrl|apiDescriptionUrl|definitionUrl|openapi)["'`]?\s{0,20}[:=]\s{0,20}(["'`])([^"'`\s<>]{1,500})\2/g
const INIT =
  /\b(?:Redoc\.init|createApiReference)\(\s{0,20}(?:["'`][^"'`]{0,100}["'`]\s{0,5},\s{0,20})?(["'`])([^"'`\s<>]{1,500})\1/g
const LITERAL = /(["'`])([^"'`\s<>]{1,500})\1/g
const VIEWER = /swagger-?ui|SwaggerUIBundle|redoc|scalar|createApiReference|rapi-doc|elements-api|stoplight/i
const MAX_LINKS = 40

/** Addresses of API descriptions that a script, or a file of settings, names. */
export function linksOfScript(text: string, base: string, from: string): Link[] {
  const links = new Map<string, Link>()
  const add = (reference: string, foundBy: string, always: boolean) => {
    const url = absolute(reference, base)
    if (url === undefined || links.has(url) || links.size >= MAX_LINKS) return
    if (always || linkKind(url) === 'description') links.set(url, { url, kind: 'description', foundBy })
  }
  if (VIEWER.test(text)) {
    const name = /redoc/i.test(text)
      ? 'Redoc'
      : /scalar|createApiReference/i.test(text)
        ? 'Scalar'
        : 'Swagger UI'
    for (const [, , , reference = ''] of text.matchAll(SETTING))
      add(reference, `configuration of ${name} in ${from}`, true)
    for (const [, , reference = ''] of text.matchAll(INIT))
      add(reference, `configuration of ${name} in ${from}`, true)
  }
  for (const [, , reference = ''] of text.matchAll(LITERAL))
    if (/openapi|swagger|api-docs|postman/i.test(reference))
      add(reference, `named in a script of ${from}`, false)
  return [...links.values()]
}
