export { type ImportOptions, type ImportSource, importOpenApi } from './import-openapi.ts'
export { defaultImportLimits, type ImportLimits } from './limits.ts'
export type { ImportReport } from './report.ts'
