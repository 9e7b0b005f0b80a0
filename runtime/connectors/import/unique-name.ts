/**
 * Makes names unique by numbering them: `name`, `name_2`, `name_3`. Remembers how far each name got, so that a
 * document in which everything has the same name costs no more than its size.
 * @param taken names that are in use; the new ones are added
 */
export function buildUniqueNames(
  taken: Set<string> = new Set(),
  numbered: (name: string, number: number) => string = (name, number) => `${name}_${number}`,
): (wanted: string) => string {
  const next = new Map<string, number>()
  return (wanted) => {
    let name = wanted
    let number = next.get(wanted) ?? 2
    for (; taken.has(name); number += 1) name = numbered(wanted, number)
    next.set(wanted, number)
    taken.add(name)
    return name
  }
}
