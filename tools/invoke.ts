import type { z } from 'zod'
import { type Actor, scopeOf } from '../core/actor.ts'
import { AppError, toAppError } from '../core/errors.ts'
import { type Issue, inOneLine, issuesOf, missing } from '../core/issues.ts'
import type { Logger } from '../core/log.ts'
import type { Permission } from '../core/permissions.ts'
import { type AuditEntry, insertAudit } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { RateLimitState, RateLimits } from '../runtime/access/rate-limits.ts'
import type { AuditWriter } from './audit-writer.ts'
import type { AnyTool, CallKeeper, ClientModel, ProgressUpdate, ToolContext } from './define-tool.ts'
import type { Services } from './services.ts'

const DEFAULT_DEADLINE_MS = 60_000

/** What every call needs besides the tool and its input. */
export interface Invoker {
  db: Database
  services: Services
  limits: RateLimits
  audit: AuditWriter
  log: Logger
}

export interface Call {
  tool: AnyTool
  actor: Actor
  input: unknown
  signal?: AbortSignal | undefined
  progress?: ((update: ProgressUpdate) => void) | undefined
  clientModel?: ClientModel | undefined
  /** Called with the key's rate state as soon as it is known, refused calls included. */
  onRateLimit?: ((state: RateLimitState) => void) | undefined
  /** Made within a call that was counted against the key's rate limit already. */
  counted?: boolean
  /** Keeps the call's effect with a record of it; for calls that may be made again after a crash. */
  keeper?: CallKeeper | undefined
}

/** May this actor see and call the tool at all? (Some inputs may need more: `permissionFor`.) */
export function mayCall(actor: Actor, tool: AnyTool): boolean {
  return tool.permission === null || actor.permissions.has(tool.permission)
}

/**
 * The one path of every call from every door: rate limit → authorize → parse → authorize the input → run →
 * audit → shape. Denied and failed calls are audited too; successful reads are not (the log would hold
 * nothing else).
 * @returns the tool's output, parsed by its schema
 * @throws AppError always of the one family; unforeseen errors become `internal` and are logged with their cause
 */
export async function invoke(invoker: Invoker, call: Call): Promise<Record<string, unknown>> {
  const { tool, actor } = call
  const log = invoker.log.child({ tool: tool.name, actor: actor.id })
  const startedAt = performance.now()
  const audit = buildAudit(invoker.audit, actor, tool)
  const deadline = AbortSignal.timeout(tool.deadlineMs ?? DEFAULT_DEADLINE_MS)
  const signal = call.signal === undefined ? deadline : AbortSignal.any([call.signal, deadline])

  try {
    if (call.counted !== true) {
      const state = await invoker.limits.consume(actor)
      call.onRateLimit?.(state)
    }
    authorize(actor, tool, tool.permission)
    const input = parseInput(tool, call.input)
    audit.resource = tool.resource?.(input as never)
    if (tool.permissionFor !== undefined) authorize(actor, tool, tool.permissionFor(input as never))

    const keeper = tool.effect === 'read' ? undefined : call.keeper
    const context: ToolContext = {
      actor,
      services: invoker.services,
      read: (fn) => invoker.db.read(scopeOf(actor), fn),
      transaction: async (fn) => {
        const first = !audit.written
        const before = first ? await keeper?.before() : undefined
        if (before !== undefined) {
          audit.written = true
          return before.gave as Awaited<ReturnType<typeof fn>>
        }
        return invoker.db.tenant(scopeOf(actor), async (tx) => {
          const result = await fn(tx)
          await audit.writeOnce(tx, 'success')
          if (first) await keeper?.keep(tx, result)
          return result
        })
      },
      kept: keeper !== undefined,
      touches: (resource) => {
        audit.resource = resource
      },
      progress: call.progress ?? (() => {}),
      clientModel: call.clientModel,
      signal,
      log,
    }
    const output = await untilAborted(tool.run(context, input as never), signal)
    if (tool.effect !== 'read' && !audit.written) await audit.writeAlone('success')
    return tool.output.parse(output)
  } catch (cause) {
    const error = asCallError(cause, call, deadline)
    const rateState = error.code === 'limit_exceeded' ? error.data : undefined
    if (rateState !== undefined) call.onRateLimit?.(rateState as unknown as RateLimitState)
    if (error.code === 'internal') log.error({ err: error.cause ?? error }, 'tool failed unexpectedly')
    await audit.failed(error, log)
    throw error
  } finally {
    log.debug({ ms: Math.round(performance.now() - startedAt) }, 'tool called')
  }
}

function authorize(actor: Actor, tool: AnyTool, permission: Permission | null): void {
  if (permission === null || actor.permissions.has(permission)) return
  throw new AppError(
    'forbidden',
    `${tool.name} needs the permission ${permission}, which this key's role (${actor.role}) does not give it.`,
    {
      hint: 'Use a key with that permission, or ask an owner for one. whoami lists what this key may do.',
      data: { permission },
    },
  )
}

function parseInput(tool: AnyTool, input: unknown): z.output<z.ZodObject> {
  const parsed = tool.input.safeParse(input ?? {}, { error: missing })
  const issues: Issue[] = [
    ...unknownFields(tool, input),
    ...(parsed.error === undefined ? [] : issuesOf(parsed.error, 'input')),
  ]
  if (parsed.success && issues.length === 0) return parsed.data
  throw new AppError('invalid_input', `${tool.name}: ${inOneLine(issues)}`, {
    where: issues[0]?.where ?? 'input',
    hint: `Correct the named fields. describe_tool {"name":"${tool.name}"} shows the input schema.`,
    data: { issues },
  })
}

/** A misspelt optional field would otherwise be dropped, and the call do something else than was asked. */
function unknownFields(tool: AnyTool, input: unknown): Issue[] {
  if (typeof input !== 'object' || input === null) return []
  const known = Object.keys(tool.input.shape)
  return Object.keys(input)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      where: name,
      message: `there is no such field; ${tool.name} takes ${known.length === 0 ? 'none' : known.join(', ')}`,
    }))
}

/** A call that its caller or its deadline cut off ends with what they gave as the reason, which may be any value. */
function asCallError(cause: unknown, { tool, signal }: Call, deadline: AbortSignal): AppError {
  if (cause instanceof AppError) return cause
  if (deadline.aborted) return timeoutError(tool)
  if (signal?.aborted === true && cause === signal.reason)
    return new AppError('cancelled', 'The call was cancelled.')
  return toAppError(cause)
}

function timeoutError(tool: AnyTool): AppError {
  return new AppError(
    'timeout',
    `${tool.name} took longer than ${(tool.deadlineMs ?? DEFAULT_DEADLINE_MS) / 1000} s and was stopped.`,
    {
      hint: 'Ask for less at once, or try again later.',
    },
  )
}

/** A handler that ignores its signal does not hold the caller: the call ends when the signal says so. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort)
  }
}

function buildAudit(write: AuditWriter, actor: Actor, tool: AnyTool) {
  const entry = (outcome: AuditEntry['outcome'], error?: AppError): AuditEntry => ({
    action: tool.name,
    resource: audit.resource ?? null,
    outcome,
    errorCode: error?.code ?? null,
    detail: error === undefined ? {} : { message: error.message },
  })
  const audit = {
    resource: undefined as string | undefined,
    written: false,
    async writeOnce(tx: Parameters<typeof insertAudit>[0], outcome: AuditEntry['outcome']): Promise<void> {
      if (audit.written) return
      await insertAudit(tx, [{ actor, entry: entry(outcome) }])
      audit.written = true
    },
    async writeAlone(outcome: AuditEntry['outcome'], error?: AppError): Promise<void> {
      await write({ actor, entry: entry(outcome, error) })
    },
    /** Records a denied or failed call. When even that fails the caller still gets the first error. */
    async failed(error: AppError, log: Logger): Promise<void> {
      const denied = error.code === 'forbidden'
      if (tool.effect === 'read' && !denied) return
      await audit.writeAlone(denied ? 'denied' : 'failure', error).catch((cause: unknown) => {
        log.error({ err: cause }, 'a denied or failed call could not be audited')
      })
    },
  }
  return audit
}
