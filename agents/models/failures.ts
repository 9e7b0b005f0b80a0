import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, type ErrorDetails } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import type { ModelSettings } from '../../core/model-settings.ts'
import { redactText } from '../../core/secret.ts'

export const MAX_TRIES = 4
const FIRST_WAIT_MS = 500
/** A server that asks for more patience than this gets the error passed on instead. */
const MAX_WAIT_MS = 30_000
const MAX_MESSAGE_CHARS = 400

/** A failure of the endpoint as an {@link AppError}: what it was, and what to do. The key is never in it. */
export function toModelError(cause: unknown, model: string, settings: ModelSettings): AppError {
  if (cause instanceof AppError) return cause
  const status = isObject(cause) && typeof cause.status === 'number' ? cause.status : undefined
  const said = redactText(
    statedBy(cause),
    settings.apiKey === undefined ? [] : [settings.apiKey.reveal()],
  ).slice(0, MAX_MESSAGE_CHARS)
  const about = { where: `model ${model} at ${settings.baseUrl}` }
  const data = { model, ...(status === undefined ? {} : { status }) }
  const fail = (code: AppError['code'], message: string, details: ErrorDetails) =>
    new AppError(code, message, { ...about, data, ...details })
  if (/context_length_exceeded|context (length|window)|too many tokens/i.test(said)) {
    return fail('limit_exceeded', `The prompt is longer than ${model} takes: ${said}`, {
      retryable: false,
      hint: 'Set PATCHBAY_MODEL_CONTEXT_TOKENS to what the model takes, or configure one that takes more.',
      data: { ...data, budget: 'context' },
    })
  }
  if (status === undefined) {
    return fail('upstream_error', `The model server did not answer: ${said}`, {
      hint: 'Is it running, and is PATCHBAY_MODEL_BASE_URL its address?',
    })
  }
  if (status === 401 || status === 403) {
    return fail('misconfigured', `The model server refused the key (${status}): ${said}`, {
      hint: 'Set PATCHBAY_MODEL_API_KEY to a key that may use this model.',
    })
  }
  if (status === 404) {
    return fail('misconfigured', `The model server answered 404: ${said}`, {
      hint: `Does it have the model '${model}', and does PATCHBAY_MODEL_BASE_URL end with its path (mostly /v1)?`,
    })
  }
  if (status === 429) {
    const seconds = retryAfterSeconds(cause)
    const spent = /insufficient_quota|exceeded your current quota|billing/i.test(said)
    return fail('limit_exceeded', `The model server limits its use (429): ${said}`, {
      retryable: !spent,
      hint: spent ? 'The account at the provider has no credit left.' : 'Try again later.',
      ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    })
  }
  const seconds = retryAfterSeconds(cause)
  return fail('upstream_error', `The model server answered ${status}: ${said}`, {
    retryable: status >= 500 || status === 408,
    hint: status >= 500 ? 'Try again later.' : 'The request is not one this server takes.',
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  })
}

/** Did the endpoint refuse the form of the request, so that a plainer one may pass? */
export const isRejection = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'upstream_error' &&
  [400, 405, 415, 422, 501].includes(Number(error.data?.status))

/** @returns milliseconds to wait before the next try; undefined when there is none */
export function nextWait(error: AppError, tries: number): number | undefined {
  // A server that has not implemented something will not have by the next try.
  if (!error.retryable || tries >= MAX_TRIES || error.data?.status === 501) return undefined
  if (error.retryAfterSeconds !== undefined) {
    const asked = error.retryAfterSeconds * 1000
    return asked <= MAX_WAIT_MS ? asked : undefined
  }
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), MAX_WAIT_MS)
  return backoff * (0.5 + Math.random() / 2)
}

export const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw signal.reason
  }
}

function retryAfterSeconds(cause: unknown): number | undefined {
  if (!isObject(cause) || !(cause.headers instanceof Headers)) return undefined
  const ms = cause.headers.get('retry-after-ms')
  if (ms !== null && Number(ms) >= 0) return Number(ms) / 1000
  const value = cause.headers.get('retry-after')
  if (value === null) return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return Math.max(0, seconds)
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** What the server said, without the advice the client library adds. */
export function statedBy(cause: unknown): string {
  if (isObject(cause) && isJsonObject(cause.error) && typeof cause.error.message === 'string')
    return cause.error.message
  if (!(cause instanceof Error)) return String(cause)
  const message = cause.message.split('\n\nTroubleshooting URL')[0] ?? ''
  return cause.cause instanceof Error ? `${message} ${cause.cause.message}` : message
}
