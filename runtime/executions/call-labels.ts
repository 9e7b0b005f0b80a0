/** What the list of steps calls a call. */
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { MAX_STEP_NAME_LENGTH } from '../sandbox/step-names.ts'

/** What a call is about, for people: `github.create_issue`, a key, an address without its query, name and password. */
export function subject(name: string, [first, second]: Json[]): string {
  const text = typeof first === 'string' ? first : ''
  if (name.startsWith('connectors.')) return `${text}.${String(second)}`.slice(0, MAX_STEP_NAME_LENGTH)
  return text
    .replace(/[?#].*$/s, '')
    .replace(/^([a-z]+:\/\/)[^/]*@/i, '$1')
    .slice(0, MAX_STEP_NAME_LENGTH)
}

/** A text that has to be there, short enough to be listed; with no `where`, anything. @throws AppError `invalid_input` */
export function label(value: Json | undefined, where?: string): string {
  if (typeof value === 'string' && value !== '') return value.slice(0, MAX_STEP_NAME_LENGTH)
  if (where === undefined) return JSON.stringify(value ?? null).slice(0, MAX_STEP_NAME_LENGTH)
  throw invalidInput(`${where} needs a name: a text that is not empty.`, { where })
}
