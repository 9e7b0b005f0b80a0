import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/**
 * A value that must not be logged, serialized or returned. However it is printed, it prints as
 * `[redacted]`; the plain text is reached only by {@link Secret.reveal}, called at the moment of use.
 */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** `x-event-key` (Bitbucket) and `idempotency-key` name things; keys that open something say of what. */
const SENSITIVE_HEADERS =
  /^(.*authorization|(set-)?cookie2?|(x-)?(auth|key)|(.*-)?(api|access|auth|account|app|client|functions|private|security|session|shared|signing|subscription|webhook)[-_]?key|.*(token|secret|passw|passphrase|credential|signature).*)$/i

/** Is this header's value one that logs and traces must not show? */
export function isSensitiveHeader(name: string): boolean {
  return SENSITIVE_HEADERS.test(name)
}

/** A copy of `headers` in which sensitive values read `[redacted]`. */
export function redactHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSensitiveHeader(name) ? REDACTED : value]),
  )
}

/** `text` with every one of `secrets` (of four characters or more) replaced by `[redacted]`. */
export function redactText(text: string, secrets: Iterable<string>): string {
  let out = text
  for (const secret of secrets) if (secret.length >= 4) out = out.replaceAll(secret, REDACTED)
  return out
}
