/** What an import did with every operation of the document. Nothing is dropped without an entry here. */
export interface ImportReport {
  /** Format of the document: `openapi`, `swagger` or `postman`. */
  format: string
  title: string
  /** Version of the format, such as `3.0.3`, `2.0` or `2.1.0`. */
  version: string
  /** Operations found; `imported` plus the length of `skipped`. */
  operations: number
  imported: number
  skipped: { method: string; path: string; operationId?: string; reason: string }[]
  /** Actions that do not say exactly what the document says. */
  approximated: { action: string; what: string }[]
  warnings: { where: string; message: string }[]
}

const MAX_WARNINGS = 500

export interface ReportBuilder {
  readonly report: ImportReport
  warn(where: string, message: string): void
}

/** Collects a report; the same warning about the same place is kept once, and their number is bounded. */
export function buildReport(): ReportBuilder {
  const report: ImportReport = {
    format: '',
    title: '',
    version: '',
    operations: 0,
    imported: 0,
    skipped: [],
    approximated: [],
    warnings: [],
  }
  const seen = new Set<string>()
  return {
    report,
    warn(where, message) {
      const key = `${where}\n${message}`
      if (seen.has(key)) return
      seen.add(key)
      if (report.warnings.length < MAX_WARNINGS) report.warnings.push({ where, message })
      else if (report.warnings.length === MAX_WARNINGS) {
        report.warnings.push({
          where: '(report)',
          message: `More than ${MAX_WARNINGS} warnings; the rest is left out.`,
        })
      }
    },
  }
}
