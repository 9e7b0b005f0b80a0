/** Turns texts into vectors whose nearness is nearness in meaning. */
export interface Embedder {
  /** Which model: vectors of one are never compared with those of another. */
  id: string
  /** Length of its vectors, where known before the first. */
  length: number | undefined
  /** In the order of the texts. @throws AppError `upstream_error`, `unavailable`, `cancelled` */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}
