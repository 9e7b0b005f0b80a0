import { redactText } from '../../core/secret.ts'

const REDACTED = '[redacted]'

/** What opens something wherever it stands: keys of this platform and of well-known ones, tokens, private keys. */
const CREDENTIALS: readonly [RegExp, string][] = [
  [/\bpk_(?:test|live)_[A-Za-z0-9_-]{32,}/g, REDACTED],
  [/\bwhsec_[A-Za-z0-9+/=_-]{16,}/g, REDACTED],
  [/\b(?:sk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9]{16,}/g, REDACTED],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}/g, REDACTED],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, REDACTED],
  // A digit tells a token from a word that follows in prose.
  [/\b(Bearer|Basic)\s+(?=[^\s"'\\]*\d)[A-Za-z0-9._~+/=-]{16,}/gi, `$1 ${REDACTED}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
]

/**
 * A text as a model may be sent it. Secrets of the vault do not get this far (no tool gives them back); this takes out
 * what an app's answer, a document or a person's own words hold.
 * @param known secrets this process knows by value
 */
export function redactCredentials(text: string, known: Iterable<string> = []): string {
  let out = redactText(text, known)
  for (const [pattern, by] of CREDENTIALS) out = out.replace(pattern, by)
  return out
}
