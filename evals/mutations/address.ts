import type { Mutator } from './mutation.ts'

const isLiteral = (segment: string) => segment !== '' && !segment.includes('{')

/** A segment of the path has another name, is gone, or one has come: with or without a version. */
export const mutatePath: Mutator = ({ action }, random) => {
  const segments = action.path.split('/').slice(1)
  const literal = random.pick([...segments.keys()].filter((index) => isLiteral(segments[index] ?? '')))
  if (literal === undefined) return undefined
  const segment = segments[literal] ?? ''
  const version = /^v(\d+)/.exec(segment)?.[1]
  const ways: [string, string[]][] = [
    ['renamed', segments.with(literal, otherSegment(segment))],
    ['prefixed', ['legacy', ...segments]],
    ['longer', segments.toSpliced(literal + 1, 0, 'list')],
    ...(segments.length > 1 ? [['shorter', segments.toSpliced(literal, 1)] as [string, string[]]] : []),
    ...(version === undefined
      ? []
      : [['version', segments.with(literal, `v${Number(version) + 1}`)] as [string, string[]]]),
  ]
  const [variant, changed] = random.pick(ways) ?? ['renamed', segments]
  const path = `/${changed.join('/')}`
  return { variant, where: '/path', before: action.path, after: path, broken: { ...action, path } }
}

function otherSegment(segment: string): string {
  if (segment.includes('_')) return segment.replaceAll('_', '-')
  if (segment.includes('-')) return segment.replaceAll('-', '_')
  return segment.endsWith('s') ? segment.slice(0, -1) : `${segment}s`
}

const OTHER_METHODS: Record<string, string[]> = {
  GET: ['POST'],
  POST: ['PUT', 'PATCH'],
  PUT: ['PATCH', 'POST'],
  PATCH: ['PUT', 'POST'],
  DELETE: ['POST', 'PUT'],
}

export const mutateMethod: Mutator = ({ action }, random) => {
  const method = random.pick(OTHER_METHODS[action.method] ?? [])
  if (method === undefined) return undefined
  return {
    variant: `${action.method} to ${method}`,
    where: '/method',
    before: action.method,
    after: method,
    broken: { ...action, method },
  }
}

/** Another version in the base URL, of the action alone or of the whole connector. */
export const mutateBaseUrl: Mutator = ({ definition, action }, random) => {
  const base = action.baseUrl ?? definition.baseUrl
  if (base.includes('{')) return undefined
  const numbered = base.replace(
    /(\/v?)(\d+)((?:\.\d+)?)\/?$/,
    (_whole, before, major, minor) => `${before}${Number(major) + 1}${minor}`,
  )
  const trimmed = base.replace(/\/+$/, '')
  const changed = numbered === base || random.next() < 0.3 ? `${trimmed}/v9` : numbered
  const shared = { where: '/baseUrl', before: base, after: changed }
  if (action.baseUrl === undefined && random.next() < 0.5)
    return { variant: 'connector', ...shared, connector: { baseUrl: changed } }
  return { variant: 'action', ...shared, broken: { ...action, baseUrl: changed } }
}
