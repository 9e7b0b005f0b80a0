import type { ConnectorDefinition } from '../definition.ts'
import { type ActionRole, rolesOf } from './roles.ts'

/**
 * Actions in groups that need nothing of each other and can be tested at the same time: things are told apart by the
 * word they go by, and what names a thing goes with those.
 * @param most the smallest groups are joined until there are no more than these
 */
export function independentGroups(
  { actions, schemas }: Pick<ConnectorDefinition, 'actions' | 'schemas'>,
  wanted: readonly string[],
  most: number,
): string[][] {
  const roles = rolesOf(actions, schemas)
  const parent = new Map<string, string>()
  const rootOf = (word: string): string => {
    const above = parent.get(word) ?? word
    return above === word ? word : rootOf(above)
  }
  for (const role of roles.values()) {
    const [first = '', ...others] = wordsOfRole(role)
    for (const word of others) parent.set(rootOf(word), rootOf(first))
  }
  const groups = new Map<string, string[]>()
  for (const slug of wanted) {
    const role = roles.get(slug)
    const root = role === undefined ? '' : rootOf(wordsOfRole(role)[0] ?? '')
    groups.set(root, [...(groups.get(root) ?? []), slug])
  }
  const sorted = [...groups.values()].toSorted((a, b) => b.length - a.length)
  const bins: string[][] = sorted.slice(0, most)
  for (const group of sorted.slice(most)) bins.toSorted((a, b) => a.length - b.length)[0]?.push(...group)
  return bins
}

/** Every kind of thing an action deals with, those its path passes included. */
function wordsOfRole({ collection, keys }: ActionRole): string[] {
  const literals = collection.split('/').filter((part) => part !== '' && part !== '{}')
  return [
    `/${literals.at(-1) ?? ''}`,
    ...keys.map((key) => `/${key.collection?.split('/').at(-1) ?? key.resource}`),
  ]
}
