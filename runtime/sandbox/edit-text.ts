/** Changes to a text that leave its lines where they are. */
export interface Edits {
  /** Stretches to be left out, line breaks aside, with `text` in their place. They do not overlap. */
  blanks: { from: number; to: number; text: string }[]
  /** Of several at one place, in their order. None has line breaks, or is within a blank. */
  insertions: { at: number; text: string }[]
}

const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/g

/**
 * A text with edits, and where in it each column comes from: what stands in an insertion comes from the place it was
 * made at.
 */
export function editText(
  source: string,
  { blanks, insertions }: Edits,
): { text: string; columnOf(line: number, column: number): number } {
  const edits = [
    ...blanks.map(({ from, to, text }) => ({ from, to, text: over(source.slice(from, to), text) })),
    ...insertions.map(({ at, text }) => ({ from: at, to: at, text })),
  ].sort((a, b) => a.from - b.from || a.to - b.to)
  let text = ''
  let done = 0
  for (const edit of edits) {
    text += source.slice(done, edit.from) + edit.text
    done = edit.to
  }
  text += source.slice(done)

  let lines: Shift[][] | undefined
  return {
    text,
    columnOf(line, column) {
      // Only a failure asks, and most workflows do not fail.
      lines ??= shiftsOf(source, insertions)
      const shifts = lines[line - 1] ?? []
      let [low, high] = [0, shifts.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if ((shifts[middle]?.at ?? 0) < column) low = middle + 1
        else high = middle
      }
      const last = shifts[low - 1]
      return last === undefined ? column : Math.max(last.column, column - last.by)
    },
  }
}

/** What stands behind an insertion stands further right than in the source. */
interface Shift {
  /** The column at which the insertion begins, less one. */
  at: number
  /** The column of the source that it was made at. */
  column: number
  /** Its length and that of all before it in the line. */
  by: number
}

function shiftsOf(source: string, insertions: Edits['insertions']): Shift[][] {
  const starts = [0, ...[...source.matchAll(LINE_BREAK)].map(({ index, 0: { length } }) => index + length)]
  const lines: Shift[][] = starts.map(() => [])
  let line = 0
  for (const { at, text } of insertions.toSorted((a, b) => a.at - b.at)) {
    while (at >= (starts[line + 1] ?? Number.POSITIVE_INFINITY)) line++
    const shifts = lines[line]
    const before = shifts?.at(-1)?.by ?? 0
    const column = at - (starts[line] ?? 0) + 1
    shifts?.push({ at: column - 1 + before, column, by: before + text.length })
  }
  return lines
}

/** A blank as long as what it stands for, with the same line breaks and the columns after them, and `text` in front. */
function over(gone: string, text: string): string {
  const blank = gone.replaceAll(/[^\n\r\u2028\u2029]/g, ' ')
  const broken = /[\n\r\u2028\u2029]/.exec(blank)
  return text + blank.slice(Math.min(text.length, broken?.index ?? text.length))
}
