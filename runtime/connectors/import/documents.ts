import { posix } from 'node:path'
import { invalidInput } from '../../../core/errors.ts'
import type { ImportLimits } from './limits.ts'
import { isNode, type Node, own } from './nodes.ts'
import { parseText } from './parse.ts'
import type { ReportBuilder } from './report.ts'

/** A place in one of the files. `key` is the same for every way of writing a reference to it. */
export interface Place {
  node: unknown
  file: string
  pointer: string
}

/** The files of a specification: parsed when first referred to, never fetched from anywhere. */
export interface Documents {
  root: Place
  /**
   * What a reference points at, one step.
   * @throws AppError `invalid_input` naming a target that does not exist or is outside the files.
   */
  target(reference: string, fromFile: string): Place
  /**
   * Follows references from `place` until something else is found.
   * @throws AppError `invalid_input` for a missing target or a chain of references that loops.
   */
  follow(place: Place): Place
}

export interface SpecificationSource {
  text?: string
  files?: Record<string, string>
  root?: string
}

/** References that lead to references; real descriptions have three or four. */
const MAX_CHAIN = 100

export const placeKey = (place: Place): string => `${place.file}#${place.pointer}`

/** A place as reports show it: the pointer alone in the main file. */
export const showPlace = (documents: Documents, place: Place): string =>
  place.file === documents.root.file ? `#${place.pointer}` : placeKey(place)

/** The reference in a Reference Object, if `node` is one. */
export const referenceOf = (node: unknown): string | undefined => {
  const reference = isNode(node) ? own(node, '$ref') : undefined
  return typeof reference === 'string' ? reference : undefined
}

export function buildDocuments(
  source: SpecificationSource,
  limits: ImportLimits,
  warn: ReportBuilder['warn'],
): Documents {
  const texts = new Map<string, string>()
  for (const [path, text] of Object.entries(source.files ?? {})) texts.set(posix.normalize(path), text)
  const rootFile = posix.normalize(
    source.root ?? (source.text === undefined ? soleFile(texts) : 'specification'),
  )
  if (source.text !== undefined) texts.set(rootFile, source.text)
  checkSizes(texts, limits)
  if (!texts.has(rootFile)) {
    throw invalidInput(`There is no file '${rootFile}' among the ${texts.size} given.`, {
      where: 'root',
      hint: `Set root to the main file. Files: ${[...texts.keys()].slice(0, 20).join(', ')}.`,
    })
  }

  const parsed = new Map<string, unknown>()
  const load = (file: string, reference: string): unknown => {
    if (parsed.has(file)) return parsed.get(file)
    const text = texts.get(file)
    if (text === undefined) throw missing(reference, `there is no file '${file}'`)
    const value = parseText(text, file, limits, warn)
    parsed.set(file, value)
    return value
  }

  let pending = 0
  /** A pointer that leads through itself would be followed without end. */
  const target = (reference: string, fromFile: string): Place => {
    if (pending >= MAX_CHAIN) throw missing(reference, `it leads through more than ${MAX_CHAIN} others`)
    pending += 1
    try {
      return locate(reference, fromFile)
    } finally {
      pending -= 1
    }
  }

  const locate = (reference: string, fromFile: string): Place => {
    const hash = reference.indexOf('#')
    const path = hash === -1 ? reference : reference.slice(0, hash)
    const fragment = hash === -1 ? '' : reference.slice(hash + 1)
    if (/^[a-z][a-z0-9+.-]*:/i.test(path))
      throw missing(reference, 'addresses outside the document are not fetched')
    const file = path === '' ? fromFile : posix.normalize(posix.join(posix.dirname(fromFile), decode(path)))
    if (fragment !== '' && !fragment.startsWith('/')) throw missing(reference, 'anchors are not supported')
    let place: Place = { node: load(file, reference), file, pointer: '' }
    for (const token of fragment.split('/').slice(1)) {
      const name = decode(token).replaceAll('~1', '/').replaceAll('~0', '~')
      // A pointer may lead through another reference: step into what that one means.
      if (referenceOf(place.node) !== undefined && !hasChild(place.node, name)) place = follow(place)
      if (!hasChild(place.node, name)) throw missing(reference, 'the target does not exist')
      place = {
        node: (place.node as Node)[name],
        file: place.file,
        pointer: `${place.pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      }
    }
    return place
  }

  const shown = (key: string) => (key.startsWith(`${rootFile}#`) ? key.slice(rootFile.length) : key)
  const follow = (start: Place): Place => {
    const chain: string[] = []
    let place = start
    for (
      let reference = referenceOf(place.node);
      reference !== undefined;
      reference = referenceOf(place.node)
    ) {
      if (chain.includes(placeKey(place))) {
        throw invalidInput(`The references ${chain.map(shown).join(' → ')} only refer to each other.`, {
          where: reference,
        })
      }
      if (chain.length >= MAX_CHAIN) throw missing(reference, `a chain of more than ${MAX_CHAIN} leads to it`)
      chain.push(placeKey(place))
      place = target(reference, place.file)
    }
    return place
  }

  return { root: { node: load(rootFile, rootFile), file: rootFile, pointer: '' }, target, follow }
}

function missing(reference: string, why: string) {
  return invalidInput(`$ref '${reference}' cannot be resolved: ${why}.`, {
    where: reference,
    hint: 'Add the missing part to the document, or correct the reference.',
  })
}

function hasChild(node: unknown, name: string): boolean {
  return typeof node === 'object' && node !== null && Object.hasOwn(node, name)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded, only a stray '%': the text means itself.
    return text
  }
}

function soleFile(texts: Map<string, string>): string {
  const [first] = texts.keys()
  if (first === undefined) {
    throw invalidInput('There is no specification to import.', {
      where: 'text',
      hint: 'Give the document as text, or several files with root naming the main one.',
    })
  }
  if (texts.size > 1) {
    throw invalidInput('Several files are given, but not which one is the main one.', {
      where: 'root',
      hint: `Set root to one of: ${[...texts.keys()].slice(0, 20).join(', ')}.`,
    })
  }
  return first
}

function checkSizes(texts: Map<string, string>, limits: ImportLimits): void {
  let bytes = 0
  for (const text of texts.values()) bytes += Buffer.byteLength(text)
  if (bytes > limits.maxBytes || texts.size > limits.maxFiles) {
    throw invalidInput(
      `The specification is too large: ${bytes} bytes in ${texts.size} files; the limit is ${limits.maxBytes} bytes in ${limits.maxFiles} files.`,
      { where: 'text', hint: 'Import a part of it: keep only the paths you need.' },
    )
  }
}
