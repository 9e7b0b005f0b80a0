import type { EmbeddingSettings } from '../../core/config.ts'
import { BUILTIN_LENGTH, buildBuiltinEmbedder } from './embed-builtin.ts'
import { buildEndpointEmbedder } from './embed-endpoint.ts'
import type { Embedder } from './embedder.ts'

/** The embedder the settings name; nothing is loaded or asked before its first text. */
export function buildEmbedder(settings: EmbeddingSettings): Embedder | undefined {
  switch (settings.by) {
    case 'none':
      return undefined
    case 'builtin':
      return buildBuiltinEmbedder()
    case 'endpoint':
      return buildEndpointEmbedder(settings)
  }
}

/** Lengths of vectors to have an index for. */
export function vectorLengths(settings: EmbeddingSettings): number[] {
  if (settings.by === 'builtin') return [BUILTIN_LENGTH]
  return settings.by === 'endpoint' && settings.dimensions !== undefined ? [settings.dimensions] : []
}
