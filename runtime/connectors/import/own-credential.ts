import type { JsonSchema } from '../../../core/json.ts'
import type { AuthMethod } from '../auth-method.ts'
import { isSchemaObject } from '../json-schema.ts'

const NAME = /^(token|access_token|auth_token|oauth_token)$/
const ABOUT = /^(an? |the |your )?(auth(entication|ori[sz]ation)? token|api token)|^your .{0,40}token/i

/**
 * Some APIs also take the token as a parameter and describe it with every operation, often as required. The
 * connection sends its token by itself, so the input need not have it; it stays possible to give one.
 */
export function ownCredential(
  properties: [key: string, schema: JsonSchema][],
  authMethods: AuthMethod[],
): { properties: [key: string, schema: JsonSchema][]; key?: string; approximations: string[] } {
  const sendsToken = authMethods.some(({ type }) => type === 'oauth2' || type === 'bearer_token')
  const [key, schema] =
    properties.find(
      ([name, value]) => NAME.test(name) && isSchemaObject(value) && ABOUT.test(String(value.description)),
    ) ?? []
  if (!sendsToken || key === undefined || !isSchemaObject(schema)) return { properties, approximations: [] }
  const description = `Leave out: the connection sends its own. ${String(schema.description)}`
  return {
    properties: properties.map(([name, value]) => [name, name === key ? { ...schema, description } : value]),
    key,
    approximations: [`'${key}' may be left out: the connection sends its token as its auth method says`],
  }
}
