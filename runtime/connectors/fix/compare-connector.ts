import { isDeepStrictEqual } from 'node:util'
import type { AuthMethod } from '../auth-method.ts'
import type { ConnectorDefinition } from '../definition.ts'
import type { Aspect } from './evidence.ts'
import type { Difference } from './mend-inputs.ts'

/** What all actions of a connector share and a call can fail by. */
export type SharedHead = Pick<ConnectorDefinition, 'baseUrl' | 'authMethods'> &
  Partial<Pick<ConnectorDefinition, 'variables'>>

export interface ComparedHead {
  aspect: Aspect
  differences: Difference[]
  mend(head: SharedHead): SharedHead
}

/**
 * What about the connector itself is not as the description says: its base URL, and where each credential is sent.
 * Whatever else an auth method holds is not the description's to say.
 */
export function compareConnector(ours: SharedHead, theirs: SharedHead): ComparedHead[] {
  const compared: ComparedHead[] = []
  if (ours.baseUrl !== theirs.baseUrl) {
    compared.push({
      aspect: 'address',
      differences: [{ where: '/baseUrl', what: `the base URL is ${theirs.baseUrl}`, certainty: 0.9 }],
      mend: (head) => ({
        ...head,
        baseUrl: theirs.baseUrl,
        ...(theirs.variables === undefined ? {} : { variables: theirs.variables }),
      }),
    })
  }
  const differences: Difference[] = []
  const authMethods = ours.authMethods.map((method, index) => {
    const other = counterpart(method, ours.authMethods, theirs.authMethods)
    if (other === undefined || isDeepStrictEqual(placeOf(method), placeOf(other))) return method
    const { in: _in, parameterName: _name, prefix: _prefix, alsoSends: _also, ...rest } = method
    differences.push({
      where: `/authMethods/${index}`,
      what: `the credential is sent as ${JSON.stringify(placeOf(other))}`,
      certainty: 0.9,
    })
    return { ...rest, ...placeOf(other) }
  })
  if (differences.length > 0)
    compared.push({ aspect: 'auth', differences, mend: (head) => ({ ...head, authMethods }) })
  return compared
}

function counterpart(
  method: AuthMethod,
  ours: readonly AuthMethod[],
  theirs: readonly AuthMethod[],
): AuthMethod | undefined {
  const sameType = (list: readonly AuthMethod[]) => list.filter(({ type }) => type === method.type)
  const named = theirs.find(({ slug }) => slug === method.slug)
  if (named !== undefined) return named.type === method.type ? named : undefined
  const [only, another] = sameType(theirs)
  return another === undefined && sameType(ours).length === 1 ? only : undefined
}

function placeOf(method: AuthMethod): Partial<AuthMethod> {
  const keys = ['in', 'parameterName', 'prefix', 'alsoSends'] as const
  return Object.fromEntries(keys.flatMap((key) => (method[key] === undefined ? [] : [[key, method[key]]])))
}
