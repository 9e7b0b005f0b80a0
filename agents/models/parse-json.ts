import { jsonrepair } from 'jsonrepair'
import { isDeeperThan, type Json } from '../../core/json.ts'

/** What is nested deeper cannot be kept everywhere it goes, and is no answer to anything that is asked. */
const MAX_DEPTH = 200

/**
 * The JSON in what a model wrote: as it is, out of a code fence or out of the prose around it, small mistakes (trailing
 * commas, single quotes, comments, missing brackets at the end) mended.
 * @returns the value, or what is wrong with the text
 */
export function parseModelJson(text: string): { value: Json } | { complaint: string } {
  const found = findJson(text.trim())
  return 'value' in found && isDeeperThan(found.value, MAX_DEPTH)
    ? { complaint: `it is nested more than ${MAX_DEPTH} levels deep` }
    : found
}

function findJson(trimmed: string): { value: Json } | { complaint: string } {
  if (trimmed === '') return { complaint: 'it is empty' }
  const exact = tryParse(trimmed)
  if ('value' in exact) return exact
  const fenced = /```(?:json|json5)?[^\S\n]*\n([\s\S]*?)(?:```|$)/i.exec(trimmed)?.[1]?.trim()
  for (const candidate of [fenced, trimmed, fromFirstBracket(trimmed)]) {
    // What does not begin like JSON would be "repaired" into a string that holds the prose.
    if (candidate === undefined || !/^[{[]/.test(candidate)) continue
    const whole = tryParse(candidate)
    if ('value' in whole) return whole
    const mended = tryMend(candidate)
    if (mended !== undefined) return { value: mended }
  }
  return exact
}

function tryParse(text: string): { value: Json } | { complaint: string } {
  try {
    return { value: JSON.parse(text) as Json }
  } catch (error) {
    return { complaint: `it is no JSON: ${(error as Error).message}` }
  }
}

function tryMend(text: string): Json | undefined {
  try {
    const value = JSON.parse(jsonrepair(text)) as Json
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** From the first bracket to the last: prose before and after is left out. */
function fromFirstBracket(text: string): string | undefined {
  const start = text.search(/[{[]/)
  if (start === -1) return undefined
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'))
  return end > start ? text.slice(start, end + 1) : text.slice(start)
}
