import { parse } from 'acorn'
import { AppError, invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { withSignature } from '../connectors/apply-signature.ts'
import type { SignRequest } from '../connectors/call.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import type { BuiltRequest } from '../connectors/request.ts'
import { cryptoCall, isCryptoCall } from '../sandbox/crypto-calls.ts'
import { prepareWorkflow } from '../sandbox/prepare.ts'
import { LEAF, type Sandbox } from '../sandbox/sandbox.ts'

/** What a custom auth method's handler may use: it signs, it does not work. */
const LIMITS = {
  timeoutMs: 2_000,
  cpuMs: 1_000,
  memoryMb: 32,
  maxLogLines: 20,
  maxLogBytes: 4_096,
  maxOutputBytes: 64 * 1024,
}
const MAX_BODY_BYTES = 8 * 1024 * 1024

/**
 * Runs custom auth handlers in the sandbox, apart from this process: without network, without `ctx`, within
 * a second of CPU time. `isolateKey` is whose account it is: others never share an isolate with it.
 */
export function buildSigner(sandbox: Pick<Sandbox, 'run'>, isolateKey: string): SignRequest {
  return async (request, method, credentials) => {
    if (method.code === undefined) {
      throw new AppError(
        'conflict',
        `The custom auth method '${method.slug}' has no code that signs requests.`,
        {
          where: `authMethods.${method.slug}.code`,
          hint: 'Give it with update_connector: export default async ({request, credentials, crypto}) => ({headers: {…}}).',
        },
      )
    }
    const result = await sandbox.run(
      {
        depth: LEAF,
        isolateKey: `signer/${isolateKey}/${method.slug}`,
        code: signerCode(method),
        filename: `${method.slug}.js`,
        input: { request: shown(request), credentials } as Json,
        headers: {},
        context: {
          execution: { id: 'sign', attempt: 1 },
          workflow: { id: 'sign', slug: method.slug, version: 1 },
          customer: null,
          environment: '',
          trigger: null,
        },
        connectors: [],
        limits: LIMITS,
      },
      ({ name, args }) => {
        if (isCryptoCall(name)) return cryptoCall(name, args)
        throw new AppError('forbidden', 'A handler that signs requests has no network and no ctx.', {
          hint: 'Use request, credentials and crypto alone.',
        })
      },
    )
    if (result.status === 'completed') return withSignature(request, method.slug, result.output)
    const { error } = result
    // What a handler throws may hold credentials: whoever sends the request redacts this error.
    throw new AppError(
      'unauthenticated',
      `The auth method '${method.slug}' could not sign the request: ${error.message}`,
      {
        where: `authMethods.${method.slug}.code`,
        hint:
          error.stack === ''
            ? 'Correct its code with update_connector.'
            : `It failed at ${error.stack.split('\n')[0]?.trim()}; correct its code with update_connector.`,
      },
    )
  }
}

/** The request as the handler sees it: as it will be sent. A body of bytes comes as Base64. */
function shown({ method, url, headers, body }: BuiltRequest): Json {
  if (body === undefined) return { method, url, headers, body: null }
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  if (size > MAX_BODY_BYTES) {
    throw invalidInput(`A body of ${size} bytes is too large to be signed.`, {
      hint: `At most ${MAX_BODY_BYTES} bytes.`,
    })
  }
  return typeof body === 'string'
    ? { method, url, headers, body }
    : { method, url, headers, body: null, bodyBase64: Buffer.from(body).toString('base64') }
}

const prepared = new WeakMap<AuthMethod, string>()

/** The handler's module, called with what it takes instead of `ctx`. Its lines stay where they are. */
function signerCode(method: AuthMethod): string {
  const known = prepared.get(method)
  if (known !== undefined) return known
  const { code } = prepareWorkflow(method.code ?? '')
  const made = asSigner(code)
  prepared.set(method, made)
  return made
}

function asSigner(code: string): string {
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  const exported = program.body.find((node) => node.type === 'ExportDefaultDeclaration')
  if (exported?.type !== 'ExportDefaultDeclaration') throw new Error('checked code has a default export')
  let name = '$sign'
  while (code.includes(name)) name += '_'
  const { declaration } = exported
  const head = code.slice(0, exported.start)
  const body = code.slice(declaration.start)
  return `${head}const ${name} = ${body}\n;export default (ctx) => ${name}({ ...ctx.input, crypto })`
}
