import type { Readable } from 'node:stream'
import { finished } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { AppError } from '../../core/errors.ts'

/** Codings this client asks for and can undo. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

/** Bodies above this may have to wait for room in memory; see `HttpRequest.beforeLargeBody`. */
export const LARGE_BODY_BYTES = 1024 * 1024

// A chain of codings multiplies the compression ratio; real servers use one.
const MAX_CODINGS = 2

/**
 * Reads a response body to its end, undoing `content-encoding`. The limit holds for the bytes on the wire
 * and for the decompressed bytes, so a decompression bomb stops at the limit and not at the end of memory.
 *
 * @throws AppError `upstream_error`, not retryable, when the body is larger than `maxBytes`.
 */
export async function readBody(
  stream: Readable,
  contentEncoding: string | undefined,
  maxBytes: number,
  beforeLarge?: () => Promise<void>,
): Promise<Uint8Array> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  const known = codings.length <= MAX_CODINGS && codings.every((coding) => Object.hasOwn(decoders, coding))
  let source = stream
  if (known) for (const coding of codings.reverse()) source = chain(source, coding)

  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      const before = size
      size += chunk.byteLength
      if (size > maxBytes) throw tooLarge(maxBytes)
      if (before <= LARGE_BODY_BYTES && size > LARGE_BODY_BYTES) await beforeLarge?.()
      chunks.push(chunk)
    }
  } finally {
    if (!stream.destroyed) stream.destroy()
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
}

const decoders: Record<string, () => NodeJS.ReadWriteStream & Readable> = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

function chain(source: Readable, coding: string): Readable {
  const build = decoders[coding]
  if (build === undefined) return source
  const decoder = build()
  // `pipe` alone does not forward failures: without this a broken connection would hang the reader.
  finished(source, (error) => {
    if (error) decoder.destroy(error)
  })
  source.pipe(decoder)
  return decoder
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError('upstream_error', `The response is larger than the limit of ${maxBytes} bytes.`, {
    hint: 'Ask for less (a smaller page, fewer fields), or raise the response size limit for this call.',
    retryable: false,
    data: { maxResponseBytes: maxBytes },
  })
}
