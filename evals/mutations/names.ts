import type { Random } from '../random.ts'

/** Names that APIs have given to the same thing at one time or another. */
const SYNONYMS: Record<string, string[]> = {
  limit: ['page_size', 'per_page', 'max_results', 'count'],
  offset: ['start', 'skip'],
  page: ['page_number', 'p'],
  cursor: ['page_token', 'after', 'next_token'],
  id: ['uid', 'key'],
  name: ['title', 'label'],
  title: ['name', 'heading'],
  description: ['summary', 'details'],
  email: ['email_address', 'mail'],
  status: ['state'],
  state: ['status'],
  type: ['kind', 'category'],
  query: ['q', 'search'],
  q: ['query', 'search'],
  amount: ['value', 'total'],
  date: ['day', 'on'],
  user: ['member', 'account'],
  address: ['location'],
  message: ['text', 'body'],
  text: ['message', 'content'],
  filter: ['where', 'criteria'],
  order: ['sort'],
  sort: ['order_by'],
}

const camel = (words: string[]) =>
  words.map((word, index) => (index === 0 ? word : word[0]?.toUpperCase() + word.slice(1))).join('')

export const wordsIn = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')

/** The name an API had for a thing before, or has since: another style, a synonym, a longer or a shorter one. */
export function otherName(name: string, taken: ReadonlySet<string>, random: Random): string | undefined {
  const words = wordsIn(name)
  if (words.length === 0) return undefined
  const last = words.at(-1) ?? ''
  const synonym = random.pick(SYNONYMS[last] ?? [])
  const candidates = [
    camel(words),
    words.join('_'),
    words.join('-'),
    `${words.join('_')}_${last === 'id' ? 'key' : 'id'}`,
    last.endsWith('s') ? words.join('_').slice(0, -1) : `${words.join('_')}s`,
    ...(words.length > 1 ? [words.slice(0, -1).join('_')] : [`${words.join('_')}_value`]),
    ...(synonym === undefined ? [] : [[...words.slice(0, -1), synonym].join('_')]),
  ]
  return random
    .shuffled([...new Set(candidates)])
    .find((candidate) => candidate !== name && /^[A-Za-z]/.test(candidate) && !taken.has(candidate))
}
