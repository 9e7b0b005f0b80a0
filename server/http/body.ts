import type { IncomingMessage } from 'node:http'
import { isJsonContentType } from '@modelcontextprotocol/server'
import type { Request } from 'express'
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser'
import { AppError, invalidInput } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { HttpError, MAX_BODY_BYTES } from './problem.ts'

/**
 * The JSON object a request carries; {} when it carries no body. (Express's own parser reads an oversized body to
 * its end before it refuses it; this one answers at once.)
 * @throws AppError `invalid_input`: 413 over the limit, 415 for another media type, 400 with the position of
 *   malformed JSON; `cancelled` when the client goes away
 */
export async function readJsonObject(req: Request): Promise<JsonObject> {
  if (!hasBody(req)) return {}
  const encoding = req.get('content-encoding') ?? 'identity'
  if (!isJsonContentType(req.get('content-type')) || encoding !== 'identity') {
    throw new HttpError(415, 'invalid_input', 'The body is not sent as plain JSON.', {
      where: encoding === 'identity' ? 'header Content-Type' : 'header Content-Encoding',
      hint: 'Send `Content-Type: application/json`, uncompressed.',
    })
  }
  const value = parseJson(asText(await readBytes(req, MAX_BODY_BYTES, tooLarge)))
  if (isJsonObject(value)) return value
  throw invalidInput('The body must be a JSON object.', {
    where: 'body',
    hint: 'Send the input fields as one JSON object, {} when there are none.',
  })
}

/** RFC 9112 section 6: a body is announced by either header. */
function hasBody(req: Request): boolean {
  const length = req.get('content-length')
  return req.get('transfer-encoding') !== undefined || (length !== undefined && length !== '0')
}

/**
 * A body whole; refused with `tooLarge` as soon as it is known to be longer than it may be. What comes after that
 * is read and thrown away, so that a client still writing lives to read the refusal.
 * @throws AppError `cancelled` when the client goes away
 */
export async function readBytes(
  req: IncomingMessage,
  maxBytes: number,
  tooLarge: () => AppError,
): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
    req.resume()
    throw tooLarge()
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes <= maxBytes) {
        chunks.push(chunk)
        return
      }
      req.off('data', onData).resume()
      reject(tooLarge())
    }
    req.on('data', onData)
    req.once('end', () => resolve(Buffer.concat(chunks)))
    req.once('error', (cause) => reject(new AppError('cancelled', 'The client went away.', { cause })))
  })
}

function asText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalidInput('The body is not UTF-8.', { where: 'body', hint: 'Encode the JSON as UTF-8.' })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed(text, cause)
  }
}

/** V8 tells the position of some errors only, so another parser finds it. */
function malformed(text: string, cause: unknown): AppError {
  const errors: ParseError[] = []
  parse(text, errors, { disallowComments: true })
  const { offset, error } = errors[0] ?? { offset: 0, error: 1 }
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - before.lastIndexOf('\n')
  return invalidInput(
    `The body is not valid JSON at line ${line}, column ${column}: ${printParseErrorCode(error)}.`,
    {
      where: `body:${line}:${column}`,
      hint: 'Correct the JSON there and send it again.',
      data: { line, column, offset },
      cause,
    },
  )
}

const tooLarge = () =>
  new HttpError(413, 'invalid_input', `The body is larger than ${MAX_BODY_BYTES} bytes.`, {
    where: 'body',
    hint: 'Send less at once; an API description can be imported by its URL instead.',
    data: { maxBytes: MAX_BODY_BYTES },
  })
