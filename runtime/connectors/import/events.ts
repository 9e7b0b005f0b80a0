import { AppError } from '../../../core/errors.ts'
import type { EventDefinition } from '../definition.ts'
import { snakeCase } from '../slug.ts'
import type { ImportContext } from './context.ts'
import { type Place, showPlace } from './documents.ts'
import { titleFromSlug } from './names.ts'
import { isNode, type Node, nodeAt, own, pointer, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'

const MAX_SLUG_CHARS = 64

/** Collects webhooks of the document and callbacks of its operations as events. */
export interface EventCollector {
  events: EventDefinition[]
  /** Every request described by a Callback Object: address expressions to path items. */
  addCallbacks(operation: Place): void
}

export function mapEvents(context: ImportContext, root: Node): EventCollector {
  const events: EventDefinition[] = []
  const taken = new Map<string, EventDefinition>()

  const add = (name: string, start: Place): void => {
    try {
      const item = context.documents.follow(start)
      if (!isNode(item.node)) return
      for (const method of ['post', 'put', 'patch', 'get', 'delete']) {
        const operation = nodeAt(item.node, method)
        if (operation === undefined) continue
        const place = { node: operation, file: item.file, pointer: pointer(item.pointer, method) }
        const event = toEvent(context, name, place, operation)
        // The same callback is described again by every operation that takes a callback address.
        const known = taken.get(event.slug)
        if (known !== undefined && known.name === event.name) continue
        if (known !== undefined) event.slug = unique(event.slug, taken)
        taken.set(event.slug, event)
        events.push(event)
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      context.warn(showPlace(context.documents, start), `The event '${name}' was left out: ${error.message}`)
    }
  }

  for (const key of ['webhooks', 'x-webhooks']) {
    for (const [name, node] of Object.entries(nodeAt(root, key) ?? {})) {
      add(name, { node, file: context.documents.root.file, pointer: pointer('', key, name) })
    }
  }
  return {
    events,
    addCallbacks(operation) {
      const callbacks = isNode(operation.node) ? (nodeAt(operation.node, 'callbacks') ?? {}) : {}
      for (const [name, node] of Object.entries(callbacks)) {
        const start = { node, file: operation.file, pointer: pointer(operation.pointer, 'callbacks', name) }
        try {
          const callback = context.documents.follow(start)
          if (!isNode(callback.node)) continue
          for (const [expression, item] of Object.entries(callback.node)) {
            if (expression.startsWith('x-')) continue
            add(name, { node: item, file: callback.file, pointer: pointer(callback.pointer, expression) })
          }
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          context.warn(
            showPlace(context.documents, start),
            `The callback '${name}' was left out: ${error.message}`,
          )
        }
      }
    },
  }
}

function toEvent(context: ImportContext, name: string, place: Place, operation: Node): EventDefinition {
  const slug = snakeCase(name).slice(0, MAX_SLUG_CHARS) || 'event'
  const summary = clip(plainText(textAt(operation, 'summary')), 120)
  const description = clip(plainText(textAt(operation, 'description')), 400)
  const payloadSchema = payload(context, place)
  return {
    slug: /^[a-z]/.test(slug) ? slug : `event_${slug}`.slice(0, MAX_SLUG_CHARS),
    name: summary === '' ? titleFromSlug(snakeCase(name)) : summary,
    description: description === '' ? summary : description,
    ...(payloadSchema === undefined ? {} : { payloadSchema }),
  }
}

function payload(context: ImportContext, place: Place): EventDefinition['payloadSchema'] {
  if (!isNode(place.node) || own(place.node, 'requestBody') === undefined) return undefined
  const body = context.documents.follow({
    node: own(place.node, 'requestBody'),
    file: place.file,
    pointer: pointer(place.pointer, 'requestBody'),
  })
  const [contentType, media] = isNode(body.node)
    ? (Object.entries(nodeAt(body.node, 'content') ?? {})[0] ?? [])
    : []
  if (contentType === undefined || !isNode(media)) return undefined
  return context.schemas.convert({
    node: own(media, 'schema'),
    file: body.file,
    pointer: pointer(body.pointer, 'content', contentType, 'schema'),
  })
}

function unique(slug: string, taken: Map<string, unknown>): string {
  for (let number = 2; ; number += 1) {
    const candidate = `${slug.slice(0, MAX_SLUG_CHARS - 4)}_${number}`
    if (!taken.has(candidate)) return candidate
  }
}
