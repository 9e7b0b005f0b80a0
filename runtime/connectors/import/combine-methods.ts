import type { AuthMethod } from '../auth-method.ts'

/**
 * One auth method for schemes that are sent together: the first that is no plain key, with the others as further
 * keys. An oauth2 scheme with two grants gives two methods. Empty when they cannot travel together, as two
 * that want the Authorization header.
 */
export function combineMethods(schemes: AuthMethod[][], unique: (slug: string) => string): AuthMethod[] {
  const rank = (methods: AuthMethod[]) => RANKS.indexOf(methods[0]?.type ?? 'custom')
  const [first, ...others] = [...schemes].sort((a, b) => rank(a) - rank(b))
  const alsoSends = others.map((methods) => toExtra(methods[0]))
  if (first === undefined || alsoSends.includes(undefined)) return []
  const extras = alsoSends.filter((extra) => extra !== undefined)
  return first.flatMap((main) => {
    if (rank([main]) < 0) return []
    const places = [
      placeOf(main),
      ...extras.map((extra) => `${extra.in} ${extra.parameterName.toLowerCase()}`),
    ]
    if (new Set(places).size < places.length) return []
    const slug = unique([main.slug, ...others.map((methods) => methods[0]?.slug ?? '')].join('_and_'))
    const name = [main.name, ...others.map((methods) => methods[0]?.name ?? '')].join(' and ')
    return [{ ...main, slug, name, alsoSends: extras }]
  })
}

const RANKS = ['oauth2', 'basic_auth', 'bearer_token', 'api_key']

const placeOf = (method: AuthMethod): string =>
  method.type === 'api_key'
    ? `${method.in ?? 'header'} ${(method.parameterName ?? 'X-API-Key').toLowerCase()}`
    : 'header authorization'

function toExtra(method: AuthMethod | undefined): NonNullable<AuthMethod['alsoSends']>[number] | undefined {
  if (method?.type === 'api_key') {
    return {
      field: fieldName(method.slug),
      label: method.name,
      in: method.in ?? 'header',
      parameterName: method.parameterName ?? 'X-API-Key',
      ...(method.prefix === undefined ? {} : { prefix: method.prefix }),
    }
  }
  if (method?.type === 'bearer_token') {
    return {
      field: fieldName(method.slug),
      label: method.name,
      in: 'header',
      parameterName: 'Authorization',
      prefix: 'Bearer ',
    }
  }
  return undefined
}

/** Keys the main credential has. */
const TAKEN_FIELDS = new Set(['apiKey', 'username', 'password', 'token', 'accessToken', 'refreshToken'])

const fieldName = (slug: string): string => {
  const name = slug.replace(/[^A-Za-z0-9_]+/g, '_').slice(0, 60)
  return TAKEN_FIELDS.has(name) ? `second_${name}` : name
}
