import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

/**
 * Reading, stripping and compiling the files takes most of the processor's time of a start; from the second time on, less.
 * Kept beside the packages, where only who may change the code may write; where nobody may, nothing is kept.
 */
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/patchbay', import.meta.url)))
