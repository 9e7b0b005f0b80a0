import { type Stage, stages } from './lead.ts'
import type { Recognized } from './recognize.ts'

export interface Candidate extends Recognized {
  url: string
  foundBy: string
  stage: Stage
  /** Other addresses of the same description. */
  alsoAt: string[]
}

const FORMAT_POINTS = { openapi: 4, swagger: 3, postman: 1 }

/** The likeliest first: what the site names itself, then the richer format, then the larger API. */
export function rank(candidates: readonly Candidate[]): Candidate[] {
  const distinct: Candidate[] = []
  for (const candidate of candidates.toSorted((a, b) => points(b) - points(a))) {
    const same = distinct.find((other) => isSame(other, candidate))
    if (same === undefined) distinct.push({ ...candidate, alsoAt: [] })
    else if (same.url !== candidate.url && !same.alsoAt.includes(candidate.url))
      same.alsoAt.push(candidate.url)
  }
  return distinct
}

/** The same text, or the same API written as JSON and as YAML. */
const isSame = (a: Candidate, b: Candidate): boolean =>
  a.hash === b.hash ||
  (a.format === b.format &&
    a.formatVersion === b.formatVersion &&
    a.title === b.title &&
    a.version === b.version &&
    a.operations !== null &&
    a.operations === b.operations)

function points({ stage, format, formatVersion, operations, url }: Candidate): number {
  const named = stage <= stages.declared ? 4 : stage <= stages.page ? 3 : 0
  const newer = formatVersion.startsWith('3.1') ? 0.5 : 0
  const size = operations === null ? 5 : operations === 0 ? -10 : Math.log2(operations + 1)
  return named + FORMAT_POINTS[format] + newer + size + (url.endsWith('.json') ? 0.1 : 0)
}
