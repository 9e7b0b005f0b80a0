/** Where two texts first differ, as the lines a person needs to see; undefined when they are the same. */
export function firstDifference(written: string, current: string): string | undefined {
  if (written === current) return undefined
  const had = written.split('\n')
  const has = current.split('\n')
  const at = has.findIndex((line, index) => line !== had[index])
  const index = at === -1 ? has.length : at
  return `first difference, line ${index + 1}:\n- ${had[index] ?? '(end of the page)'}\n+ ${has[index] ?? '(end of the page)'}`
}
