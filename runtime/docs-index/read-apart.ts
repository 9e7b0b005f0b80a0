import { Worker } from 'node:worker_threads'
import { AppError, type ErrorBody } from '../../core/errors.ts'
import type { DocDocument } from './document.ts'
import { readMarkdown } from './read-markdown.ts'
import { readPage } from './read-page.ts'

/** A page of others, as it was given or fetched. */
export interface PageText {
  format: 'html' | 'markdown'
  text: string
  url: string | null
  title?: string
}

export type PageRead = DocDocument & Partial<Pick<ReturnType<typeof readPage>, 'links' | 'base' | 'cutShort'>>

/** What the thread answers: the page as JSON text, or why there is none. */
export type ReadOutcome = { result: string } | { error: ErrorBody }

/** Shorter texts are read here: whatever they hold takes no longer than starting a thread. */
const MAX_HERE_CHARS = 16_000
const MAX_MS = 15_000
const MAX_MEMORY_MB = 512

/** Reads a page in this thread. */
export const readHere = ({ format, text, url, title }: PageText): PageRead => {
  const titled = title === undefined ? {} : { title }
  return format === 'html' ? readPage(text, url, titled) : readMarkdown(text, { ...titled, url })
}

/**
 * Reads a page in a thread of its own: reading some Markdown takes time that grows with the square of its length, and
 * a page of others must not hold up the process for it.
 * @throws AppError `invalid_input` for a page that takes too long, needs too much memory or nests too deeply; `cancelled`
 */
export async function readApart(page: PageText, signal: AbortSignal, maxMs = MAX_MS): Promise<PageRead> {
  if (page.text.length <= MAX_HERE_CHARS) return readHere(page)
  const outcome = await runThread(page, signal, maxMs)
  if ('result' in outcome) return JSON.parse(outcome.result) as PageRead
  const { code, message, ...details } = outcome.error
  throw new AppError(code, message, details)
}

function runThread(page: PageText, signal: AbortSignal, maxMs: number): Promise<ReadOutcome> {
  const thread = new Worker(new URL('./read-thread.ts', import.meta.url), {
    workerData: page,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
  })
  return new Promise<ReadOutcome>((resolve, reject) => {
    const leave = () => reject(new AppError('cancelled', 'Reading the page was cancelled.'))
    const timer = setTimeout(() => reject(unreadable(`takes longer than ${maxMs / 1_000} s`)), maxMs)
    thread.once('message', resolve)
    thread.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? unreadable(`needs more than ${MAX_MEMORY_MB} MB of memory`)
          : error,
      ),
    )
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    thread.once('exit', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
      reject(unreadable('ended its thread'))
    })
  }).finally(() => thread.terminate())
}

const unreadable = (why: string) =>
  new AppError('invalid_input', `The text cannot be read: it ${why}.`, {
    where: 'text',
    hint: 'Index it in parts, or another rendering of the page.',
  })
