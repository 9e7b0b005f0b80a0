import { z } from 'zod'
import type { ImportReport } from '../../runtime/connectors/import/report.ts'

const MAX_APPROXIMATED = 50
const MAX_WARNINGS = 50

/** The report of an import, bounded: an agent reads it. */
export const ImportSummary = z.object({
  format: z.string(),
  version: z.string().describe('Version of the format.'),
  title: z.string().describe('The document’s title.'),
  operations: z.number().int().describe('Operations in the document: imported, skipped or excluded.'),
  imported: z.number().int().describe('Operations that became actions.'),
  excluded: z.number().int().describe('Operations left out because `include` does not name them.'),
  skipped: z
    .array(
      z.object({
        method: z.string(),
        path: z.string(),
        operationId: z.string().optional(),
        reason: z.string(),
      }),
    )
    .describe('Every other operation that did not become an action, and why.'),
  approximated: z
    .array(z.object({ action: z.string(), what: z.string() }))
    .describe('Actions that do not say exactly what the document says; the first 50.'),
  approximatedTotal: z.number().int(),
  warnings: z.array(z.object({ where: z.string(), message: z.string() })).describe('The first 50.'),
  warningsTotal: z.number().int(),
})

export function summarize(report: ImportReport): z.input<typeof ImportSummary> {
  const isExcluded = ({ reason }: { reason: string }) => /among the included/.test(reason)
  const skipped = report.skipped.filter((operation) => !isExcluded(operation))
  return {
    format: report.format,
    version: report.version,
    title: report.title,
    operations: report.operations,
    imported: report.imported,
    excluded: report.skipped.length - skipped.length,
    skipped,
    approximated: report.approximated.slice(0, MAX_APPROXIMATED),
    approximatedTotal: report.approximated.length,
    warnings: report.warnings.slice(0, MAX_WARNINGS),
    warningsTotal: report.warnings.length,
  }
}
