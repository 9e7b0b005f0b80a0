import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'

/** A stored file, read to be sent. */
export interface LoadedFile {
  name: string
  contentType: string
  bytes: Uint8Array
}

/** Bytes of the files one call may send. */
const MAX_TOTAL_BYTES = 50 * 1024 * 1024

const FILE_ID = /^file_[0-9a-f]{28}$/

/** Is this value a reference to a stored file: `{file: 'file_…'}`? */
export const isFileReference = (value: unknown): value is JsonObject & { file: string } =>
  isJsonObject(value) && typeof value.file === 'string' && FILE_ID.test(value.file)

/**
 * The stored files an input refers to, where the action's body takes bytes: fields of a multipart body, or a
 * body that is no JSON and no form. In other places `{file: …}` is data like any other.
 * @param read gives a stored file; it throws `not_found` for one that is not there
 * @returns the files by id, and the input with each reference in the form the action's schema knows: what a
 *   reference holds besides (size, digest) is left out
 */
export async function loadInputFiles(
  body: ActionBody | undefined,
  input: JsonObject,
  read: (id: string) => Promise<LoadedFile>,
): Promise<{ files: Map<string, LoadedFile>; toSend: JsonObject; toCheck: JsonObject }> {
  const files = new Map<string, LoadedFile>()
  if (body === undefined || !takesFiles(body)) return { files, toSend: input, toCheck: input }
  let total = 0
  const load = async (id: string) => {
    if (files.has(id)) return
    const file = await read(id)
    total += file.bytes.byteLength
    if (total > MAX_TOTAL_BYTES) {
      throw invalidInput(`The files of one call may have ${MAX_TOTAL_BYTES} bytes in all.`, {
        where: 'input',
        hint: 'Send fewer files at once.',
      })
    }
    files.set(id, file)
  }
  const places = placesOf(body, input)
  for (const { value } of places) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isFileReference(item)) await load(item.file)
    }
  }
  if (files.size === 0) return { files, toSend: input, toCheck: input }
  return {
    files,
    toSend: replaced(body, input, ({ file, filename, contentType }) => ({
      file,
      ...(typeof filename === 'string' ? { filename } : {}),
      // A reference carries the type it was stored with; what is sent is that one.
      ...(typeof contentType === 'string' ? { contentType } : {}),
    })),
    toCheck: replaced(body, input, () => ({ base64: '' })),
  }
}

const essence = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

function takesFiles(body: ActionBody): boolean {
  const type = essence(body.contentType)
  return !(
    type === 'application/json' ||
    type.endsWith('+json') ||
    type === 'application/x-www-form-urlencoded'
  )
}

/** Where a value becomes bytes: the whole body, or each field of a multipart one. */
function placesOf(body: ActionBody, input: JsonObject): { key: string; value: Json }[] {
  if (body.mode === 'merge') return Object.entries(input).map(([key, value]) => ({ key, value }))
  const key = body.inputKey ?? 'body'
  const whole = Object.hasOwn(input, key) ? input[key] : undefined
  if (whole === undefined) return []
  if (!essence(body.contentType).startsWith('multipart/')) return [{ key, value: whole }]
  return isJsonObject(whole) ? Object.entries(whole).map(([field, value]) => ({ key: field, value })) : []
}

function replaced(
  body: ActionBody,
  input: JsonObject,
  form: (reference: JsonObject & { file: string }) => JsonObject,
): JsonObject {
  const one = (value: Json): Json => (isFileReference(value) ? form(value) : value)
  const each = (value: Json): Json => (Array.isArray(value) ? value.map(one) : one(value))
  const fields = (values: JsonObject) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, each(value)]))
  if (body.mode === 'merge') return fields(input)
  const key = body.inputKey ?? 'body'
  const whole = input[key] ?? null
  const multipart = essence(body.contentType).startsWith('multipart/') && isJsonObject(whole)
  return { ...input, [key]: multipart && isJsonObject(whole) ? fields(whole) : one(whole) }
}
