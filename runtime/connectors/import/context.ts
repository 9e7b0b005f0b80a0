import type { Documents } from './documents.ts'
import type { ReportBuilder } from './report.ts'
import type { SharedSchemas } from './shared-schemas.ts'

/** What every part of the mapping needs to look things up, convert schemas and report. */
export interface ImportContext {
  documents: Documents
  schemas: SharedSchemas
  is30: boolean
  warn: ReportBuilder['warn']
  /** Are lists and objects of multipart forms named with brackets? */
  formsUseBrackets(): boolean
}
