import { invalidInput } from '../../core/errors.ts'
import type { ConnectorDefinition } from './definition.ts'

/**
 * Host of the base URL when an imported document does not say where the API is. The `.invalid` domain never
 * resolves (RFC 2606), so a call made before somebody sets the base URL cannot reach a stranger.
 */
export const UNKNOWN_HOST = 'set-the-base-url.invalid'

/**
 * The base URL with its variables filled in by their defaults (put a connection's values there first).
 * A variable in the host part may only hold host characters, so that a value such as `evil.example/` cannot
 * send a customer's credentials elsewhere.
 */
export function expandBaseUrl(connector: Pick<ConnectorDefinition, 'baseUrl' | 'variables'>): string {
  const { baseUrl, variables } = connector
  if (!baseUrl.includes('{')) return baseUrl
  const authorityStart = baseUrl.indexOf('://') + 3
  const slash = baseUrl.indexOf('/', authorityStart)
  const authorityEnd = slash === -1 ? baseUrl.length : slash
  return baseUrl.replace(/\{([^{}]+)\}/g, (_placeholder, name: string, offset: number) => {
    const variable = variables !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined
    const value = variable?.default ?? ''
    const allowed = offset < authorityEnd ? /^[A-Za-z0-9.:-]+$/ : /^[^?#@\\\s]*$/
    const listed = variable?.enum === undefined || variable.enum.includes(value)
    if (variable === undefined || !allowed.test(value) || !listed) {
      throw invalidInput(
        `The base URL's variable '${name}' has no usable value ('${value.slice(0, 100)}').`,
        {
          where: `variables.${name}`,
          hint:
            variable?.enum === undefined
              ? `Set '${name}' for this connection; in the host part only letters, digits, '.', ':' and '-' are allowed.`
              : `Set '${name}' to one of: ${variable.enum.join(', ')}.`,
        },
      )
    }
    return value
  })
}
