import { posix } from 'node:path'
import { AppError } from '../../../core/errors.ts'
import type { SpecificationSource } from './documents.ts'
import type { ImportLimits } from './limits.ts'
import type { Node } from './nodes.ts'
import { parseText } from './parse.ts'
import { isEnvironment } from './postman/variables.ts'
import type { ReportBuilder } from './report.ts'

/** The exported Postman environments among the files that were given beside a collection. */
export function readEnvironments(
  source: SpecificationSource,
  rootFile: string,
  limits: ImportLimits,
  warn: ReportBuilder['warn'],
): Node[] {
  const found: Node[] = []
  for (const [path, text] of Object.entries(source.files ?? {})) {
    if (posix.normalize(path) === rootFile) continue
    try {
      const value = parseText(text, path, limits, warn)
      if (isEnvironment(value)) found.push(value)
      else warn(path, 'This file is no exported Postman environment; it is not used.')
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      warn(path, `This file is not used: ${error.message}`)
    }
  }
  return found
}
