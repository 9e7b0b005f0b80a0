import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts'

export interface Comparison {
  /** Fields of what was sent that the answer has too. */
  compared: string[]
  /** Those that differ, in words. */
  differing: string[]
}

const MAX_SHOWN = 80

/** What was written beside what is read: every plain value that both have must be the same. */
export function compareData(sent: JsonObject, read: Json): Comparison {
  const found: Comparison = { compared: [], differing: [] }
  const target = holderOf(sent, read)
  if (target !== undefined) compareWithin(sent, target, '', found)
  return found
}

/** The object that holds the fields: the answer, or the one object of it that has most of them. */
function holderOf(sent: JsonObject, read: Json): JsonObject | undefined {
  if (!isJsonObject(read)) return undefined
  const shared = (one: JsonObject) => Object.keys(sent).filter((key) => Object.hasOwn(one, key)).length
  const inner = Object.values(read).filter(isJsonObject)
  return [read, ...inner].reduce((best, one) => (shared(one) > shared(best) ? one : best))
}

function compareWithin(sent: JsonObject, read: JsonObject, above: string, found: Comparison): void {
  for (const [key, value] of Object.entries(sent)) {
    if (!Object.hasOwn(read, key)) continue
    const [path, got] = [`${above}${key}`, read[key] ?? null]
    if (isJsonObject(value)) {
      if (isJsonObject(got)) compareWithin(value, got, `${path}.`, found)
      continue
    }
    // Lists and objects come back in many forms (ids made to objects, defaults added): only plain values tell.
    if (value === null || Array.isArray(value) || typeof got === 'object') continue
    found.compared.push(path)
    if (!isSame(value, got))
      found.differing.push(`${path} was sent as ${shown(value)} and reads ${shown(got)}`)
  }
}

function isSame(sent: Json, got: Json): boolean {
  if (sent === got || String(sent) === String(got)) return true
  if (typeof sent === 'string' && typeof got === 'string') {
    if (sent.trim().toLowerCase() === got.trim().toLowerCase()) return true
    const [a, b] = [Date.parse(sent), Date.parse(got)]
    return !Number.isNaN(a) && a === b
  }
  return Number(sent) === Number(got) && sent !== '' && got !== ''
}

const shown = (value: Json): string => {
  const text = JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
