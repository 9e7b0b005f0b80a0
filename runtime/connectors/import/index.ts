export { type ImportOptions, type ImportSource, importSpec } from './import-spec.ts'
export type { ImportReport } from './report.ts'
