import { spawn } from 'node:child_process'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node'
import { AppError } from '../../core/errors.ts'

/** What the compiler says about one place. Positions count from the start of the file. */
export interface Diagnostic {
  fileName?: string
  pos: number
  end: number
  code: number
  text: string
  /** What it means more exactly, from the general to the particular. */
  messageChain?: Diagnostic[]
  relatedInformation?: Diagnostic[]
}

interface Snapshot {
  snapshot: number
  projects: { id: string }[]
}

const TIME_LIMIT_MS = 15_000
/** Of processor time, on both cores: past it the system ends the process. */
const CPU_LIMIT_SECONDS = 20
/** Address space; Go reserves more than it uses. */
const MEMORY_LIMIT_KB = 4 * 1024 * 1024
const SOFT_MEMORY_LIMIT = '768MiB'
const FOLDER = '/workflow'
const CONFIG = `${FOLDER}/tsconfig.json`
const LIBRARY = /^lib\.[\w.]+\.d\.ts$/

/** TypeScript's compiler is a program of its own for each kind of machine. */
function compilerPath(): string {
  const name = `@typescript/typescript-${process.platform}-${process.arch}`
  const folder = dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)))
  return `${folder}/lib/tsc${process.platform === 'win32' ? '.exe' : ''}`
}

/**
 * Type-checks a small program with TypeScript's own compiler, in a process of its own which is given the files
 * through its pipe and sees no others but the language's library: code that refers to a path of this machine
 * finds nothing there. It ends after the one check, at the latest when its time, processor time or memory is up.
 *
 * @param files by name, the compiler's options beside them
 * @param checked names of the files to check; the others are there for these
 * @returns what it says about those, in their order
 * @throws AppError `timeout`, `cancelled`, `unavailable` when the compiler cannot be run or ends without an answer
 */
export async function compile(
  files: Record<string, string>,
  compilerOptions: object,
  checked: readonly string[],
  { signal, timeLimitMs = TIME_LIMIT_MS }: { signal?: AbortSignal; timeLimitMs?: number } = {},
): Promise<Diagnostic[]> {
  const names = Object.keys(files)
  const texts = new Map(names.map((name) => [`${FOLDER}/${name}`, files[name] ?? '']))
  texts.set(CONFIG, JSON.stringify({ compilerOptions, files: names }))
  const compiler = start()
  const { connection } = compiler
  const library = dirname(compiler.path)
  const isLibrary = (path: string) => dirname(path) === library && LIBRARY.test(basename(path))
  // No content at all means: look for yourself.
  connection.onRequest('readFile', (path: string) =>
    isLibrary(path) ? null : { content: texts.get(path) ?? null },
  )
  connection.onRequest('fileExists', (path: string) => texts.has(path) || isLibrary(path))
  connection.onRequest('directoryExists', (path: string) => path === FOLDER)
  connection.onRequest('getAccessibleEntries', () => ({ files: [], directories: [] }))
  connection.onRequest('realpath', (path: string) => path)
  connection.listen()

  const ask = async (): Promise<Diagnostic[]> => {
    await connection.sendRequest('initialize', null)
    const { snapshot, projects } = await connection.sendRequest<Snapshot>('updateSnapshot', {
      openProjects: [CONFIG],
    })
    const project = projects[0]?.id
    const found: Diagnostic[] = []
    for (const name of checked) {
      const said = await connection.sendRequest<Diagnostic[] | null>('getSemanticDiagnostics', {
        snapshot,
        project,
        file: `${FOLDER}/${name}`,
      })
      found.push(...(said ?? []).map((one) => ({ ...one, fileName: name })))
    }
    return found
  }
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  try {
    return await Promise.race([
      ask(),
      compiler.ended,
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(tooLong()), timeLimitMs)
        onAbort = () => reject(new AppError('cancelled', 'The check was cancelled.'))
        signal?.addEventListener('abort', onAbort, { once: true })
        if (signal?.aborted) onAbort()
      }),
    ])
  } finally {
    clearTimeout(timer)
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    connection.dispose()
    compiler.kill()
  }
}

function start() {
  const path = compilerPath()
  const callbacks = 'readFile,fileExists,directoryExists,getAccessibleEntries,realpath'
  const options = ['--api', '--async', '--cwd', '/', `--callbacks=${callbacks}`]
  const limits = `ulimit -t ${CPU_LIMIT_SECONDS}; ulimit -v ${MEMORY_LIMIT_KB} 2>/dev/null; exec "$0" "$@"`
  const [command, ...given] =
    process.platform === 'win32' ? [path, ...options] : ['/bin/sh', '-c', limits, path, ...options]
  const child = spawn(command ?? path, given, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { GOMEMLIMIT: SOFT_MEMORY_LIMIT },
    // In a group of its own, Ctrl-C in a terminal does not end the check under way.
    detached: process.platform !== 'win32',
  })
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) => reject(unavailable(cause)))
    child.once('exit', (code, killed) =>
      reject(
        killed === 'SIGXCPU' || killed === 'SIGKILL'
          ? tooLong()
          : unavailable(new Error(`it ended with ${killed ?? code}`)),
      ),
    )
  })
  ended.catch(() => undefined) // it ends after every check; only the one under way is told
  // What is written to a process that has ended is lost, which `ended` tells.
  child.stdin.on('error', () => undefined)
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  )
  connection.onError(() => undefined)
  return { path, connection, ended, kill: () => child.kill('SIGKILL') }
}

const tooLong = () =>
  new AppError('timeout', 'The types of this workflow take too long to check.', {
    retryable: false,
    hint: 'Simplify the types it declares, or split the workflow.',
  })

const unavailable = (cause: Error) =>
  new AppError('unavailable', 'The types of the workflow could not be checked.', {
    cause,
    hint: 'Syntax, connectors and actions were checked. If it keeps failing, tell the operator.',
  })
