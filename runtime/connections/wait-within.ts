import { AppError } from '../../core/errors.ts'

/** How long a caller may wait. */
export interface Patience {
  ms: number
  signal?: AbortSignal | undefined
}

/**
 * Waits for work that others wait for too, and that goes on for them, only as long as this caller may.
 * @param what what is waited for, as the error names it
 * @throws AppError `timeout`, `cancelled`; what the work throws
 */
export async function waitWithin<T>(work: Promise<T>, what: string, { ms, signal }: Patience): Promise<T> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const cancel = () =>
    reject(new AppError('cancelled', `The call was cancelled while it waited for ${what}.`))
  const timer = setTimeout(
    () =>
      reject(
        new AppError('timeout', `The call waited ${Math.round(ms)} ms for ${what}, as long as it may take.`, {
          hint: 'Try again in a few seconds; nothing was sent to the app.',
        }),
      ),
    ms,
  )
  if (signal?.aborted === true) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await Promise.race([work, givenUp])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}
