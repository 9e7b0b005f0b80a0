/**
 * What a workflow is given, as TypeScript declarations: `ctx`, and `fastn` over the same bridge. The one place
 * that says it; the guest (runtime/sandbox/guest) builds it. Goes before an organization's own connectors.
 */
export const contextTypes = `/** A workflow: export default async (ctx) => output. What it returns must be JSON. */
type Workflow<Input = any> = (ctx: WorkflowContext<Input>) => unknown

interface WorkflowContext<Input = any> {
  /** What started it: a webhook's payload, a scheduler's payload, or what run_workflow was given. */
  input: Input
  /** Headers of the request that started it, names in lower case, without what authenticates the sender. */
  readonly headers: Readonly<Record<string, string>>
  /** This run; attempt counts from 1. */
  readonly execution: { readonly id: string; readonly attempt: number }
  readonly workflow: { readonly id: string; readonly slug: string; readonly version: number }
  /** Whom it runs for; null: the organization itself. */
  readonly customer: { readonly id: string; readonly name: string } | null
  /** dev, staging, production, or a custom one. */
  readonly environment: string
  /** What started it; null when it was started by hand. */
  readonly trigger: { readonly id: string | null; readonly eventId: string | null; readonly type: string } | null
  /** Actions of connected apps: ctx.connectors.<connector>.<action>({…}). Run with the customer's account. */
  readonly connectors: ConnectorsOf<Connectors>
  /** Values kept between runs: the customer's, or the organization's when it runs for none. */
  readonly state: State
  /** Values kept for a while, 300 seconds unless ttl says otherwise. */
  readonly cache: Cache
  /** Settings of the environment, as set with set_config. */
  readonly config: Config
  /** Records of the customer, or of the organization when it runs for none. */
  readonly db: RecordStore
  /** Values set with set_secret: the nearest of customer and environment counts. JSON secrets come parsed. */
  readonly secrets: Secrets
  /** Files, kept for seven days unless keepDays says otherwise. */
  readonly files: Files
  /** Other workflows. */
  readonly workflows: Workflows
  /** An HTTP request: public addresses only, bounded in size and time. */
  readonly fetch: typeof fetch
  /** Does something once: when the execution goes on after a crash or a wait, what it gave is taken from the record. */
  step<T>(name: string, run: (ctx: WorkflowContext<Input>) => T | Promise<T>): Promise<T>
  /** Waits without holding a worker: milliseconds, '5m', '2 days', or until a moment (ISO 8601). Up to a year. */
  sleep(length: number | string | { until: string }): Promise<null>
  readonly wait: {
    /** The payload of an event sent to this execution, or null when the time is up. */
    event<T = any>(name: string, options?: { key?: string; timeout?: number | string }): Promise<T | null>
    /** Waits until a person approves or refuses. Not approved when the time is up. */
    approval(request: {
      title: string
      description?: string
      data?: any
      timeout?: number | string
    }): Promise<{ approved: boolean; by: string | null; comment: string | null; at: string | null }>
  }
  readonly events: {
    /** Sends an event to the executions that wait for it; tells how many received it. */
    send(name: string, event?: { key?: string; payload?: any }): Promise<{ received: number }>
  }
  readonly log: Logger
}

interface Logger {
  debug(...values: any[]): void
  info(...values: any[]): void
  warn(...values: any[]): void
  error(...values: any[]): void
}

type StateScope = 'organization' | 'customer' | 'execution' | 'ORG' | 'INVOCATION'
interface State {
  /** Null when there is none. */
  get<T = any>(key: string, options?: { scope?: StateScope }): Promise<T | null>
  /** Up to 1 MiB of JSON. */
  set(key: string, value: any, options?: { scope?: StateScope }): Promise<null>
  delete(key: string, options?: { scope?: StateScope }): Promise<null>
}

type CacheScope = 'organization' | 'customer' | 'PROJECT'
interface Cache {
  /** Null when there is none, or its time is over. */
  get<T = any>(key: string, options?: { scope?: CacheScope }): Promise<T | null>
  /** Up to 256 KiB of JSON; ttl in seconds, 300 unless given, seven days at most. */
  set(key: string, value: any, options?: { scope?: CacheScope; ttl?: number }): Promise<null>
  delete(key: string, options?: { scope?: CacheScope }): Promise<null>
}

interface Config {
  /** Null when it is not set in this environment. */
  get<T = any>(key: string): Promise<T | null>
  /** Up to 256 KiB of JSON. */
  set(key: string, value: any): Promise<null>
  /** Was there one? */
  delete(key: string): Promise<boolean>
}

interface RecordStore {
  /** Null when there is none. */
  get<T = any>(collection: string, key: string): Promise<T | null>
  /** One object of up to 256 KiB of JSON; replaces the one of the same key. */
  put(collection: string, key: string, record: object): Promise<null>
  /** Was there one? */
  delete(collection: string, key: string): Promise<boolean>
  /** Records by key; where: fields that have exactly these values. limit: 100 unless given, 1000 at most. */
  query<T = any>(
    collection: string,
    options?: {
      where?: Record<string, string | number | boolean | null>
      prefix?: string
      limit?: number
      next?: string | null
    },
  ): Promise<{ records: { key: string; value: T; createdAt: string; updatedAt: string }[]; next: string | null }>
}

interface Secrets {
  /** Fails when there is none. */
  get<T = any>(name: string): Promise<T>
}

/** Stands for a file's content: pass it to an action that takes a file, or read it with ctx.files.read. */
interface FileReference {
  file: string
  name: string
  contentType: string
  bytes: number
}
type AnyFile = string | { file: string }
interface Files {
  save(file: {
    name: string
    /** Text. */
    content?: string
    /** Bytes. */
    base64?: string
    contentType?: string
    keepDays?: number
  }): Promise<FileReference>
  /** Up to 10 MB at a time. */
  read(file: AnyFile, options?: { as?: 'text' | 'base64'; offset?: number; length?: number }): Promise<string>
  info(file: AnyFile): Promise<FileReference & { sha256: string; createdAt: string; expiresAt: string }>
  /** Was there one? */
  delete(file: AnyFile): Promise<boolean>
}

interface Workflows {
  /** Runs another workflow inside this one and gives its output; five deep at most. */
  run<T = any>(slug: string, input?: any): Promise<T>
  /** Starts one on its own. */
  start(slug: string, input?: any): Promise<{ executionId: string }>
  /** Runs one for each input, 5 at a time unless concurrency (up to 20) says otherwise; outputs in the inputs' order. */
  map<T = any>(slug: string, inputs: readonly any[], options?: { concurrency?: number }): Promise<T[]>
}

/** An action as the connectors below declare it. */
interface ActionShape {
  input?: any
  output: any
  /** One item, of a list that comes in pages. */
  item?: any
}
type MemberOf<T, K extends string> = T extends { [key in K]?: infer V } ? V : any
type ItemOf<T> = T extends readonly (infer V)[] ? V : any
/** One that is not described here. */
interface AnyAction {
  input?: { [field: string]: any }
  output: any
  item: any
}
/** A connector whose actions are not described here. */
interface AnyActions {
  [action: string]: AnyAction
}
interface CallOptions {
  /** Which of several accounts, by id. */
  connection?: string
}
type ActionArguments<A extends ActionShape, Options> = A extends { input: any }
  ? [input: A['input'], options?: Options]
  : [input?: A['input'], options?: Options]
type ListOptions = CallOptions & { next?: any; maxPages?: number }
interface PagesOf<A extends ActionShape> {
  /** for await (const { items } of …pages({…})): one page at a time. */
  pages(...given: ActionArguments<A, ListOptions>): AsyncGenerator<{ items: A['item'][]; next: any }>
  /** for await (const item of …items({…})): all items, pages read as they are needed. */
  items(...given: ActionArguments<A, ListOptions>): AsyncGenerator<A['item']>
  /** The items in one list. */
  collect(...given: ActionArguments<A, ListOptions & { maxItems?: number }>): Promise<{
    items: A['item'][]
    pages: number
    complete: boolean
    next: any
    stopped: { reason: 'limit' | 'circle' | 'error'; message: string; error?: any } | null
  }>
}
type Action<A extends ActionShape> = {
  (...given: ActionArguments<A, CallOptions>): Promise<A['output']>
} & (A extends { item: any } ? PagesOf<A> : {})
interface RawAction<A extends ActionShape> {
  (...given: ActionArguments<A, CallOptions>): Promise<{
    output: A['output']
    status: number
    headers: Record<string, string>
    durationMs: number
    warnings: any
  }>
}
type ConnectorOf<Actions> = {
  readonly [Name in keyof Actions]: Actions[Name] extends ActionShape ? Action<Actions[Name]> : never
} & {
  /** The same actions, answering with {output, status, headers, durationMs}. */
  readonly raw: RawConnectorOf<Actions>
}
type RawConnectorOf<Actions> = {
  readonly [Name in keyof Actions]: Actions[Name] extends ActionShape ? RawAction<Actions[Name]> : never
}
type ConnectorsOf<All> = { readonly [Slug in keyof All]: ConnectorOf<All[Slug]> }

/** A connector call as fastn answers it. */
interface FastnAction<A extends ActionShape> {
  (...given: ActionArguments<A, CallOptions>): Promise<{
    output: A['output']
    success: true
    status: number
    error: null
    durationMs: number
  }>
}
type FastnConnectors<All> = {
  readonly [Slug in keyof All]: FastnConnectorOf<All[Slug]>
}
type FastnConnectorOf<Actions> = {
  readonly [Name in keyof Actions]: Actions[Name] extends ActionShape ? FastnAction<Actions[Name]> : never
}
interface FastnRuntime {
  readonly connector: FastnConnectors<Connectors>
  readonly connectors: FastnConnectors<Connectors>
  readonly state: State
  readonly cache: Cache & { invalidate(key: string, options?: { scope?: CacheScope }): Promise<null> }
  readonly secrets: Secrets
  /** Only the run's own environment is reached. */
  readonly envConfig: {
    get<T = any>(key: string, environment?: string): Promise<T | null>
    set(key: string, value: any, environment?: string): Promise<null>
    delete(key: string, environment?: string): Promise<boolean>
  }
  readonly files: {
    /** Text, up to 5 MiB, kept for 90 days. */
    write(path: string, content: string): Promise<null>
    read(path: string): Promise<string>
    delete(path: string): Promise<boolean>
    exists(path: string): Promise<boolean>
  }
  readonly flow: {
    invoke<T = any>(slug: string, input?: any, options?: any): Promise<T>
    invokeAsync(slug: string, input?: any, options?: any): Promise<{ executionId: string }>
    map<T = any>(slug: string, inputs: readonly any[], options?: any): Promise<T[]>
  }
  readonly db: {
    /** @deprecated There is no SQL here and this throws: use ctx.db. */
    query(sql: string, values?: any[]): Promise<never>
  }
  readonly fetch: typeof fetch
}
/** The global of other runtimes' workflows, over the same bridge. */
declare const fastn: FastnRuntime
declare const Fastn: new (options?: any) => FastnRuntime
`
