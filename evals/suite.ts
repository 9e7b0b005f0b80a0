import type { Doors } from './doors.ts'
import type { ScriptInput } from './models/script.ts'

/** A model behind an OpenAI-compatible API, for policies that drive one themselves. */
export interface ModelAccess {
  /** Ends with the API's path: `http://127.0.0.1:11434/v1`. */
  baseUrl: string
  model: string
  apiKey?: string
  /** USD per million tokens. */
  price?: { input: number; output: number }
  /** Bodies of the requests that arrived at the model since this was called last, whoever sent them. */
  seen(): string[]
}

/** What a suite is opened with. */
export interface SuiteOptions {
  doors: Doors
  seed: number
  /** How many tasks are wanted at most. */
  count: number
  /** Options of this suite alone, as given on the command line. */
  settings: Record<string, string>
  /** Undefined: none was given, and policies that need one are refused. */
  model?: ModelAccess
  /** Says on stderr what goes on. */
  note(text: string): void
}

/** One thing that was done at a task, for people to read. */
export interface Step {
  kind: 'tool' | 'model' | 'note'
  /** The tool's or model's name, or what is noted. */
  title: string
  input?: unknown
  output?: unknown
  error?: string
  seconds?: number
  /** Of a tool that one of Patchbay's agents called: whether its code did, or its model asked for it. */
  by?: 'agent' | 'model'
}

/** What a policy did at a task. What costs nothing is left out. */
export interface Attempt {
  /** Calls of tools, of models, and how many of the former failed. */
  steps?: number
  toolErrors?: number
  tokens?: number
  /** USD. */
  money?: number
  /** What it did, in its order. */
  trajectory?: Step[]
  /** What it says came out: never judged by, but searched for data that no tool gave. */
  answer?: unknown
}

export interface Verdict {
  passed: boolean
  /** Why not; empty when it passed. */
  problems: string[]
}

/**
 * One thing to do in an environment that is reset for it. A task is only ever given out when the end state that
 * counts is not there yet: whoever does nothing fails.
 */
export interface Task<Situation> {
  /** The same for the same seed, in every run. */
  id: string
  /** What kind of task it is: rates are told by it. */
  class: string
  /** Where it happens, such as the API. */
  environment: string
  /** What a policy may know. */
  situation: Situation
  /** Whether the end state is there, judged by the environment; nothing the policy says is looked at. */
  check(): Promise<Verdict>
  /** What was not to be touched, and is not as it was. */
  regressions(): Promise<string[]>
  /** How to reach the end state: for the oracle, which shows that it can be reached. */
  solve(): Promise<Attempt>
  /** Puts the environment back. */
  reset(): Promise<void>
  /** After a reset: brings the environment to the task's start once more, for another trial. */
  restart(): Promise<void>
}

export type Policy<Situation> = (task: Pick<Task<Situation>, 'id' | 'situation'>) => Promise<Attempt>

export interface OpenSuite<Situation> {
  /** Tasks by seed, one at a time: each is reset before the next is made. */
  tasks(): AsyncIterable<Task<Situation>>
  /** What tasks are made of and no attempt may change, by name: compared before the first task and after the last. */
  fixtures?(): Promise<Record<string, unknown>>
  /** What the tasks were made of, for the report. */
  notes(): Record<string, unknown>
  /** What belongs to the suite and was not measured, each with the reason. */
  leftOut?(): string[]
  close(): Promise<void>
}

/** A kind of task with the policies that may be measured at it; `nothing` and `oracle` are those of every suite. */
export interface Suite<Situation> {
  name: string
  description: string
  policies: Record<string, (options: SuiteOptions) => Policy<Situation>>
  /** The policy without a model whose score is printed beside that of every other. */
  baseline?: string
  /** Models of its own, by policy: the server of that policy has its agents use it. */
  models?: Readonly<Record<string, () => Promise<{ url: string; close(): Promise<void> }>>>
  /** Nobody knows how its tasks are done, as with users' own things: the oracle is not run. */
  withoutOracle?: boolean
  /** What is known of a task that passed, where less is looked at than in suites of our own. */
  passMeans?: string
  /** A model that does these tasks well, as a script: for the way through the doors, where there is no model. */
  played?(options: Pick<SuiteOptions, 'seed' | 'count' | 'settings'>): { script: ScriptInput; count: number }
  open(options: SuiteOptions): Promise<OpenSuite<Situation>>
}
