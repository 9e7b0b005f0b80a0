import { isNode, own, textAt } from '../nodes.ts'
import { plainDescription } from './text.ts'

export interface HeaderPair {
  name: string
  value: string
  disabled: boolean
  description: string
}

/** Headers of a request or response: a list, or text with one header in a line (format 2.0). */
export function readHeaders(value: unknown): HeaderPair[] {
  if (typeof value === 'string') {
    return value
      .split(/\r?\n/)
      .map((line) => /^([^:\s]+):\s*(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => ({ name: match[1] ?? '', value: match[2] ?? '', disabled: false, description: '' }))
  }
  const list: unknown[] = Array.isArray(value) ? value : []
  return list
    .filter(isNode)
    .map((entry) => ({
      name: (textAt(entry, 'key') ?? '').trim(),
      value: String(own(entry, 'value') ?? ''),
      disabled: own(entry, 'disabled') === true,
      description: plainDescription(own(entry, 'description')),
    }))
    .filter(({ name }) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
}

/** The value of a header, if it is there and is no variable. */
export function headerOf(headers: HeaderPair[], name: string): string | undefined {
  const found = headers.find((header) => !header.disabled && header.name.toLowerCase() === name)
  return found === undefined || found.value.trim() === '' || found.value.includes('{{')
    ? undefined
    : found.value.trim()
}
