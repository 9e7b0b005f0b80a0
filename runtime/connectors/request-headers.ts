import { invalidInput } from '../../core/errors.ts'

/** Headers of the connection itself (RFC 9110, 7.6): who sets them could smuggle requests or name another host. */
export const CONNECTION_HEADERS: readonly string[] = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
]

const UNSENDABLE = new Set(CONNECTION_HEADERS)

/** RFC 9110, 5.1: a token. */
export const isHeaderName = (name: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)

/** Latin-1 without control characters, except for tabs. */
export const isHeaderValue = (value: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  !/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value)

/**
 * The same headers, all of which can be sent.
 * @throws AppError `invalid_input` for a name or value that would change the request around it
 */
export function checkHeaders(headers: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    const shown = JSON.stringify(name.slice(0, 100))
    if (!isHeaderName(name) || UNSENDABLE.has(name)) {
      throw invalidInput(`The action sends a header ${shown}, which an action cannot set.`, {
        where: 'action.parameters',
        hint: 'Take the parameter out of the action.',
      })
    }
    if (!isHeaderValue(value)) {
      throw invalidInput(`The header ${shown} would hold characters that a header cannot carry.`, {
        where: name,
        hint: 'Take out line breaks, control characters and characters outside Latin-1.',
      })
    }
  }
  return headers
}
