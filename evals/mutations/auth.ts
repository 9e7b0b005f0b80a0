import type { AuthMethod } from '../../runtime/connectors/auth-method.ts'
import type { Mutator } from './mutation.ts'

const KEYED = new Set<AuthMethod['type']>(['api_key', 'bearer_token', 'oauth2'])

/** The credential is sent in another place, under another name, with another prefix, or not at all. */
export const mutateAuth: Mutator = ({ definition, action }, random) => {
  const method = definition.authMethods.find(
    ({ slug, type }) => type !== 'no_auth' && (action.auth === undefined || action.auth.includes(slug)),
  )
  if (method === undefined) return undefined
  const ways: { variant: string; change?: Partial<AuthMethod> }[] = [{ variant: 'none' }]
  if (KEYED.has(method.type)) {
    ways.push({ variant: 'header name', change: { in: 'header', parameterName: 'X-Auth-Key' } })
    ways.push({ variant: 'prefix', change: { in: 'header', prefix: 'Token ' } })
    if (method.in !== 'query')
      ways.push({ variant: 'query', change: { in: 'query', parameterName: 'access_token' } })
  }
  const way = random.pick(ways)
  if (way?.change === undefined) {
    return {
      variant: 'none',
      where: '/auth',
      before: action.auth,
      after: [],
      broken: { ...action, auth: [] },
    }
  }
  const changed = { ...method, ...way.change }
  const index = definition.authMethods.indexOf(method)
  return {
    variant: way.variant,
    where: `/authMethods/${index}`,
    before: method,
    after: changed,
    connector: { authMethods: definition.authMethods.with(index, changed) },
  }
}
