import { type AST, RegExpParser } from '@eslint-community/regexpp'

/** One part of a condition on a whole text: a pattern without lookaround is found in it, or is not. */
export interface PatternPart {
  pattern: string
  negate: boolean
}

/** Longer patterns are not taken apart: the parser goes as deep as their brackets do. */
const MAX_SPLIT_CHARS = 2_000

/**
 * `^(?!https:)(?=.*\d)[^ ]+(?<!-)$` as conditions that need no lookaround: `^(?:https:)` is not found, `^(?:.*\d)`
 * is, `^[^ ]+$` is, `(?:-)$` is not. That says the same, since `^` and `$` leave an assertion beside them one place
 * to hold at; anywhere else it depends on how the rest matched, and the pattern cannot be taken apart.
 * @returns alternatives, of which one must hold in all its parts; undefined where that cannot be done
 */
export function splitLookaround(pattern: string): PatternPart[][] | undefined {
  if (pattern.length > MAX_SPLIT_CHARS) return undefined
  const parsed = parse(pattern)
  const alternatives = parsed?.alternatives.map(splitAlternative) ?? []
  return alternatives.every((parts) => parts !== undefined) && alternatives.length > 0
    ? alternatives
    : undefined
}

function parse(pattern: string): AST.Pattern | undefined {
  try {
    return new RegExpParser().parsePattern(pattern, 0, pattern.length, { unicode: true })
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // another dialect
    throw error
  }
}

function splitAlternative({ elements }: AST.Alternative): PatternPart[] | undefined {
  const isAtStart = (element: AST.Element) => isEdge(element, 'start') || isLook(element, 'lookahead')
  const isAtEnd = (element: AST.Element) => isEdge(element, 'end') || isLook(element, 'lookbehind')
  const head = elements.slice(0, countWhile(elements, isAtStart))
  const rest = elements.slice(head.length)
  const tail = rest.slice(rest.length - countWhile(rest.toReversed(), isAtEnd))
  const middle = rest.slice(0, rest.length - tail.length)

  const anchored = { start: edges(head, 'start'), end: edges(tail, 'end') }
  const parts: PatternPart[] = []
  for (const element of [...head, ...tail]) {
    if (!isLook(element, 'lookahead') && !isLook(element, 'lookbehind')) continue
    const inner = `(?:${element.alternatives.map(({ raw }) => raw).join('|')})`
    if (element.kind === 'lookahead' ? !anchored.start : !anchored.end) return undefined
    parts.push({ pattern: element.kind === 'lookahead' ? `^${inner}` : `${inner}$`, negate: element.negate })
  }
  const [start, end] = [anchored.start ? '^' : '', anchored.end ? '$' : '']
  parts.push({ pattern: `${start}${middle.map(({ raw }) => raw).join('')}${end}`, negate: false })
  return parts
}

const edges = (elements: AST.Element[], kind: 'start' | 'end'): boolean =>
  elements.some((element) => isEdge(element, kind))

const isEdge = (element: AST.Element, kind: 'start' | 'end'): boolean =>
  element.type === 'Assertion' && element.kind === kind

const isLook = (element: AST.Element, kind: 'lookahead' | 'lookbehind'): element is AST.LookaroundAssertion =>
  element.type === 'Assertion' && element.kind === kind

function countWhile<T>(list: T[], holds: (item: T) => boolean): number {
  const first = list.findIndex((item) => !holds(item))
  return first === -1 ? list.length : first
}
