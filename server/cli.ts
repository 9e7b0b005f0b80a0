#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Reading and stripping the tools' files takes most of a short command's time; from the second time on, half.
enableCompileCache()
const { runCli } = await import('./cli/program.ts')
process.exitCode = await runCli(process.argv.slice(2), process)
