import { readFileSync } from 'node:fs'

/** What a program cannot do because of how it was called, in sentences for whoever called it. */
export class Misuse extends Error {}

const MISUSED = 2

/**
 * Runs a program that people start by hand. That it was called wrongly, or that its port is taken, is told in a sentence
 * and by exit code 2; what was not foreseen keeps its stack.
 */
export async function runProgram(main: () => unknown): Promise<void> {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`${misuse(error).message}\n`)
    process.exitCode = MISUSED
  }
}

/** @throws what it is given, when the caller is not to blame */
export function misuse(error: unknown): Misuse {
  if (error instanceof Misuse) return error
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code?.startsWith('ERR_PARSE_ARGS') === true) return new Misuse(`${message.split(/\. |\n/)[0]}.`)
  if (code === 'ERR_SOCKET_BAD_PORT') return new Misuse('--port is a number from 0 to 65535.')
  if (code === 'EADDRINUSE')
    return new Misuse(
      `Port ${port} is taken. Stop the program that listens there, or choose another port with --port.`,
    )
  throw error
}

/**
 * The text of a file that the caller named.
 * @throws Misuse
 */
export function readGivenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Misuse(
      code === 'ENOENT'
        ? `There is no file ${file} (from ${process.cwd()}).`
        : `${file} cannot be read: ${message}.`,
    )
  }
}

/** The same, as JSON. */
export function readGivenJson(file: string): unknown {
  const text = readGivenFile(file)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Misuse(`${file} is not JSON: ${(error as Error).message}`)
  }
}
