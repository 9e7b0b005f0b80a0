import type { ActionDefinition } from '../action-definition.ts'
import type { AuthMethod } from '../auth-method.ts'
import type { ComparedAspect } from './compare-action.ts'
import type { ComparedHead, SharedHead } from './compare-connector.ts'
import type { Evidence } from './evidence.ts'

const CERTAINTY = 0.6
/** What is sent as `Authorization: Bearer …` unless an auth method says otherwise. */
const BEARER = new Set<AuthMethod['type']>(['bearer_token', 'oauth2'])

/** A call without credentials that was refused for want of them: the action is no public one. */
export function readRefusedPublic(
  { auth }: ActionDefinition,
  evidence: readonly Evidence[],
): ComparedAspect[] {
  if (auth?.length !== 0 || !evidence.some(({ status }) => status === 401)) return []
  return [
    {
      aspect: 'auth',
      differences: [{ where: '/auth', what: 'the app wants credentials', certainty: CERTAINTY }],
      mend: ({ auth: _public, ...rest }) => rest,
    },
  ]
}

/** A 401 that asks for a bearer token (RFC 6750, section 3), where tokens are sent in another way. */
export function readChallenge(head: SharedHead, evidence: readonly Evidence[]): ComparedHead[] {
  const asked = evidence.some(
    ({ status, headers }) => status === 401 && /\bbearer\b/i.test(headers['www-authenticate'] ?? ''),
  )
  const isElsewhere = ({ type, in: place, parameterName, prefix }: AuthMethod) =>
    BEARER.has(type) && [place, parameterName, prefix].some((one) => one !== undefined)
  const index = head.authMethods.findIndex(isElsewhere)
  if (!asked || index < 0) return []
  return [
    {
      aspect: 'auth',
      differences: [
        {
          where: `/authMethods/${index}`,
          what: 'the app asks for Authorization: Bearer',
          certainty: CERTAINTY,
        },
      ],
      mend: (before) => ({
        ...before,
        authMethods: before.authMethods.map((method) => {
          const { in: _in, parameterName: _name, prefix: _prefix, ...rest } = method
          return isElsewhere(method) ? rest : method
        }),
      }),
    },
  ]
}
