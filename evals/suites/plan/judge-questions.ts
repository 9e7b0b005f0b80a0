import type { Asked } from '../../environments/person.ts'

/** One question that turns out to change nothing is forgiven, where there was something to ask. */
const FORGIVEN = 1

/** What is wrong with what was asked: too little shows in the plan, so that only too much is told here. */
export function judgeQuestions(asked: readonly Asked[], hidden: readonly string[]): string[] {
  const needless = asked.filter(({ needed }) => !needed)
  const forgiven = hidden.length > 0 ? FORGIVEN : 0
  if (needless.length <= forgiven) return []
  return [
    `${needless.length} of ${asked.length} questions change nothing: ${needless.map(({ question }) => question).join(' / ')}`,
  ]
}
