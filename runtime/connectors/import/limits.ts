/** Bounds on one import. A document from outside must not be able to exhaust time or memory. */
export interface ImportLimits {
  /** Text of all files together. */
  maxBytes: number
  maxFiles: number
  /** Operations turned into actions; those beyond are listed as skipped. */
  maxOperations: number
  /** Nesting of objects and arrays in a file. */
  maxDepth: number
  /** YAML alias expansions (the "billion laughs" bound). */
  maxAliases: number
  /** Wall-clock time for the mapping. */
  maxMs: number
}

export const defaultImportLimits: ImportLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxFiles: 5_000,
  maxOperations: 5_000,
  maxDepth: 200,
  maxAliases: 1_000,
  maxMs: 60_000,
}
