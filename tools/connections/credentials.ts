import { invalidInput } from '../../core/errors.ts'
import type { ConnectorHead } from '../../runtime/connections/definitions.ts'
import { type AuthMethod, credentialFields } from '../../runtime/connectors/definition.ts'

/** @throws AppError `invalid_input` naming the methods there are */
export function chooseAuthMethod(head: ConnectorHead, slug: string | undefined): AuthMethod {
  const method =
    slug === undefined ? head.authMethods[0] : head.authMethods.find((candidate) => candidate.slug === slug)
  if (method !== undefined) return method
  throw invalidInput(`${head.slug} has no auth method '${slug}'.`, {
    where: 'authMethod',
    hint: `It has: ${head.authMethods.map((candidate) => candidate.slug).join(', ')}.`,
  })
}

/**
 * Are these the fields the method needs? Messages name fields, never values.
 * @throws AppError `invalid_input`
 */
export function checkCredentials(method: AuthMethod, credentials: Record<string, string>): void {
  const fields = credentialFields(method)
  const missing = fields
    .filter(({ name, optional }) => !optional && !credentials[name])
    .map(({ name }) => name)
  const known = new Set(fields.map(({ name }) => name))
  const unknown = Object.keys(credentials).filter((name) => !known.has(name))
  if (missing.length === 0 && unknown.length === 0) return
  const complaints = [
    ...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`not known: ${unknown.join(', ')}`] : []),
  ]
  throw invalidInput(`Credentials for '${method.slug}' (${method.type}): ${complaints.join('; ')}.`, {
    where: `credentials.${missing[0] ?? unknown[0]}`,
    hint:
      fields.length === 0
        ? 'This method takes no credentials: leave them out.'
        : `Give: ${fields.map(({ name, label, optional }) => `${name} (${label}${optional ? ', may be left out' : ''})`).join(', ')}.`,
    data: { missing, unknown, needed: fields.map(({ name }) => name) },
  })
}
