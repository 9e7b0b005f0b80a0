import { stem, wordsOf } from '../../runtime/search/words.ts'
import type { AnyTool } from '../define-tool.ts'
import { meaningsOf } from './lay-words.ts'

/** Where a word stands counts: what a tool is called says more than what is written about it. */
const WEIGHTS = { name: 3, title: 2, first: 1, rest: 0.5, toolset: 0.5, fields: 0.25 }
/** A word of the wish that only means a word of the tool, against one that is it. */
const MEANT = 0.9
/** A word that is the beginning of another, or one or two letters off. */
const NEARLY = 0.6
/** How soon more of the same word says no more, and how much long texts are held against their length (BM25). */
const SATURATION = 1.5
const LENGTH_WEIGHT = 0.5
/** For each word of its name that was not asked for. */
const BESIDE = 0.15
/** A question is hardly a wish to change something, nor the other way round. */
const OTHER_MOOD = 0.6

interface Analysed {
  tool: AnyTool
  weights: ReadonlyMap<string, number>
  /** As they are written. */
  words: ReadonlySet<string>
  length: number
  name: ReadonlySet<string>
}

const analysed = new WeakMap<AnyTool, Analysed>()

/**
 * Tools that fit a wish in words, best first. People rarely use the words of tools, so each word counts for what it may
 * mean (`lay-words.ts`) as well; half-written and misspelt words count for their neighbours. `npm run bench -- tools`
 * tells how often the right one is found.
 */
export function rankTools(tools: readonly AnyTool[], wish: string): AnyTool[] {
  const known = tools.map(analyse)
  const usual = known.reduce((sum, { length }) => sum + length, 0) / Math.max(1, known.length)
  const holders = new Map<string, number>()
  for (const { weights } of known)
    for (const word of weights.keys()) holders.set(word, (holders.get(word) ?? 0) + 1)
  const rarity = (word: string) => {
    const held = holders.get(word) ?? 0
    return Math.log(1 + (known.length - held + 0.5) / (held + 0.5))
  }
  const written = new Set(known.flatMap(({ words }) => [...words]))
  const asked = new Map(
    [...tellingWords(wish), ...compoundsOf(wish).filter((word) => written.has(word))].map((word) => [
      stem(word),
      readingsOf(word, written),
    ]),
  )
  const asks = isQuestion(wish)
  return known
    .map((one) => ({ tool: one.tool, score: scoreOf(one, [...asked.values()], { rarity, usual, asks }) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ tool }) => tool)
}

/** What a word of the wish may be in the words of tools, each with how surely. */
function readingsOf(word: string, written: ReadonlySet<string>): Map<string, number> {
  const own = stem(word)
  const readings = new Map([[own, 1]])
  for (const [meant, share] of meaningsOf(own)) if (meant !== own) readings.set(meant, MEANT * share)
  if (readings.size > 1 || word.length < 3) return readings
  const near = [...written].filter((other) => other.startsWith(word) || isMisspelt(word, other))
  if (!near.some((other) => stem(other) === own)) for (const other of near) readings.set(stem(other), NEARLY)
  return readings
}

function scoreOf(
  { tool, weights, length, name }: Analysed,
  asked: readonly ReadonlyMap<string, number>[],
  { rarity, usual, asks }: { rarity(word: string): number; usual: number; asks: boolean },
): number {
  const saturation = SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * length) / usual)
  const hit = new Set<string>()
  let score = 0
  for (const readings of asked) {
    let best = 0
    for (const [word, share] of readings) {
      const weight = weights.get(word)
      if (weight === undefined) continue
      hit.add(word)
      best = Math.max(best, (share * rarity(word) * weight) / (weight + saturation))
    }
    score += best
  }
  const beside = [...name].filter((word) => !hit.has(word)).length
  return (score / (1 + BESIDE * beside)) * ((tool.effect === 'read') === asks ? 1 : OTHER_MOOD)
}

function analyse(tool: AnyTool): Analysed {
  const known = analysed.get(tool)
  if (known !== undefined) return known
  const first = firstSentence(tool.description)
  const fields = Object.entries(tool.input.shape).map(
    ([key, { description = '' }]) => `${key} ${description}`,
  )
  const texts: [string, number][] = [
    [tool.name, WEIGHTS.name],
    [tool.title, WEIGHTS.title],
    [first, WEIGHTS.first],
    [tool.description.slice(first.length), WEIGHTS.rest],
    [tool.toolset, WEIGHTS.toolset],
    [fields.join(' '), WEIGHTS.fields],
  ]
  const weights = new Map<string, number>()
  let length = 0
  for (const [text, weight] of texts) {
    for (const word of termsOf(text)) {
      weights.set(word, (weights.get(word) ?? 0) + weight)
      length += weight
    }
  }
  const words = new Set(texts.flatMap(([text]) => tellingWords(text)))
  const made = { tool, weights, words, length, name: new Set(termsOf(tool.name)) }
  analysed.set(tool, made)
  return made
}

export const firstSentence = (text: string): string => /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text

/** Words that say nothing about what is wanted. */
const STOP_WORDS = new Set(
  `a an the to of for in on and or it its is are was were be been i me my mine you your we our us how do does did can could
   that this these those there here with by from at as into about some any please want need would should will have has had
   so if then than what which who whom whose when where one ones now right just more not no them they their he she out up
   down off let am`.split(/\s+/),
)

const tellingWords = (text: string): string[] => wordsOf(text).filter((word) => !STOP_WORDS.has(word))
const termsOf = (text: string): string[] => tellingWords(text).map(stem)

/** "who am I" and "roll back" are one word in the names of tools. */
function compoundsOf(text: string): string[] {
  const words = wordsOf(text)
  return words.flatMap((_, at) => [2, 3].map((count) => words.slice(at, at + count).join('')))
}

const ASKING = new Set('show which what who list find get give tell look'.split(' '))

const isQuestion = (wish: string): boolean => wish.trim().endsWith('?') || ASKING.has(wordsOf(wish)[0] ?? '')

/** One letter more, less or other in five, two in ten. */
function isMisspelt(word: string, other: string): boolean {
  const allowed = Math.min(2, Math.floor(word.length / 5))
  return allowed > 0 && Math.abs(word.length - other.length) <= allowed && distance(word, other) <= allowed
}

/** Levenshtein's, letters that changed places counted as one. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const above = rows[i - 1] ?? []
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? 0
}
