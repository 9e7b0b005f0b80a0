import type { ImportContext } from './context.ts'
import type { DetectedFormat } from './detect.ts'
import { type FoundOperation, findOperations } from './find-operations.ts'
import type { Node } from './nodes.ts'
import { readCollection } from './postman/read-collection.ts'
import { upgradeDocument } from './swagger/swagger-document.ts'
import { upgradeOperation } from './swagger/upgrade-operation.ts'

/** A document of any format, in the terms of OpenAPI 3. */
export interface ReadDocument {
  /** Information, servers, security and webhooks. */
  root: Node
  found: FoundOperation[]
  /**
   * The operation in the terms of OpenAPI 3, made when it is its turn.
   * @throws AppError `invalid_input` for a part that cannot be resolved
   */
  upgrade(found: FoundOperation): { found: FoundOperation; approximations: string[] }
}

/** @param environments exported Postman environments that were given beside a collection */
export function readDocument(
  context: ImportContext,
  detected: DetectedFormat,
  environments: Node[],
): ReadDocument {
  const { format, root } = detected
  const asItIs = (found: FoundOperation) => ({ found, approximations: found.approximations ?? [] })
  switch (format) {
    case 'openapi':
      return { root, found: findOperations(context, root), upgrade: asItIs }
    case 'swagger':
      return {
        root: upgradeDocument(context, root),
        found: findOperations(context, root),
        upgrade: (found) => upgradeOperation(context, root, found),
      }
    case 'postman':
      return { ...readCollection(context, root, environments), upgrade: asItIs }
  }
}
