import type { ActionVerdict, TestReport } from '../../runtime/connectors/test/report.ts'

/** How far an action gets, 0 to 5: the checks of the tester in their order. */
export interface Standing {
  level: number
  problems: number
}

const LEVELS = { input: 1, status: 2, schema: 3, pages: 4, data: 4 } as const
const PASSED = 5

export function standingOf(verdict: ActionVerdict | undefined): Standing {
  if (verdict === undefined || verdict.verdict === 'skipped') return { level: 0, problems: 0 }
  if (verdict.verdict === 'passed') return { level: PASSED, problems: 0 }
  return { level: LEVELS[verdict.check ?? 'input'], problems: verdict.problems.length }
}

export const isPassed = ({ level }: Standing): boolean => level === PASSED

/** Further, or as far with fewer problems of an answer. */
export function isBetter(after: Standing, before: Standing): boolean {
  if (after.level !== before.level) return after.level > before.level
  return after.problems < before.problems
}

export const verdictOf = ({ actions }: TestReport, slug: string): ActionVerdict | undefined =>
  actions.find(({ action }) => action === slug)
