import { RE2JS } from 're2js'
import { splitLookaround } from './split-lookaround.ts'

const MAX_PATTERN_CHARS = 10_000
/** Spaces that JavaScript's `\s` matches and RE2's does not, and line ends that `.` leaves out only there. */
const ODD_SPACES = /[\r\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/

/** Tells whether a text holds something that fits, in time proportional to the text. */
export interface LinearPattern {
  test(text: string): boolean
}

/**
 * A regular expression of JavaScript that matches in time proportional to the text, whoever wrote it. Lookaround
 * beside `^` or `$` is checked as conditions of its own.
 * @returns undefined for what no automaton can do (other lookaround, backreferences) and for repetitions beyond 1000
 */
export function compileLinear(pattern: string): LinearPattern | undefined {
  if (pattern.length > MAX_PATTERN_CHARS) return undefined
  return compileAutomaton(pattern) ?? compileSplit(pattern)
}

function compileAutomaton(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch (error) {
    // RE2JS tells its refusals by subclasses of its own; anything else is a fault to be seen.
    if (error instanceof Error && error.name.startsWith('RE2JS')) return undefined
    throw error
  }
}

function compileSplit(pattern: string): LinearPattern | undefined {
  if (!/\(\?<?[=!]/.test(pattern)) return undefined
  const alternatives: { automaton: RE2JS; negate: boolean }[][] = []
  for (const parts of splitLookaround(pattern) ?? []) {
    const compiled = parts.flatMap(({ pattern: part, negate }) => {
      const automaton = compileAutomaton(part)
      return automaton === undefined ? [] : [{ automaton, negate }]
    })
    if (compiled.length < parts.length) return undefined
    alternatives.push(compiled)
  }
  if (alternatives.length === 0) return undefined
  return {
    test: (text) =>
      alternatives.some((parts) => parts.every(({ automaton, negate }) => automaton.test(text) !== negate)),
  }
}

/**
 * Ajv's `code.regExp`: patterns of schemas, run in linear time. A pattern that cannot be is not enforced; text
 * with spaces on which the engines differ is given the benefit of the doubt. Compiled when first needed, so
 * inside the time limit of the check.
 */
export function linearRegExp(pattern: string): { test(text: string): boolean; toString(): string } {
  let compiled: LinearPattern | undefined | 'not yet' = 'not yet'
  return {
    test(text) {
      if (compiled === 'not yet') compiled = compileLinear(pattern)
      return compiled === undefined || compiled.test(text) || ODD_SPACES.test(text)
    },
    // Ajv keeps one of each by this.
    toString: () => pattern,
  }
}
linearRegExp.code = 'linearRegExp'
