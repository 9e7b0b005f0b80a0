import { Command, CommanderError } from 'commander'
import { type Config, readConfig } from '../../core/config.ts'
import { AppError, invalidInput, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { version } from '../../core/version.ts'
import { type AnyTool, toolsets } from '../../tools/define-tool.ts'
import { loadTools, type Registry } from '../../tools/registry.ts'
import { toolSchema } from '../http/tool-schema.ts'
import { callTool, serverOf } from './call.ts'
import { addEvalCommand } from './eval.ts'
import { addFieldOptions, readToolInput } from './input.ts'
import { COMMAND, exitCodeOf, exitCodes, type Io, printError, printJson } from './output.ts'

/** Options that say which server to call and as whom. */
export interface TargetOptions {
  url?: string
  apiKey?: string
}

const HELP_AFTER = `
Calls the running server of the data folder, or the one at --url; with none running, works on the data folder itself.
Results are JSON on stdout. Errors are on stderr, with these exit codes:
${Object.entries(exitCodes)
  .map(([code, exitCode]) => `  ${String(exitCode).padStart(3)}  ${code}`)
  .join('\n')}

Examples:
  ${COMMAND} create_customer --name "Acme Inc."
  ${COMMAND} create_customer --json '{"name":"Acme Inc.","metadata":{"plan":"pro"}}'
  ${COMMAND} create_workflow --name Hello --slug hello --code @hello.ts
`

/**
 * The command line: a command for each tool, and those that start Patchbay.
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const program = buildProgram(await loadTools(), io)
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (cause) {
    // Commander has already told what was wrong with the command itself, or shown the help asked for.
    if (cause instanceof CommanderError)
      return cause.code === 'patchbay.chat' || cause.code === 'patchbay.eval'
        ? cause.exitCode
        : cause.exitCode === 0
          ? 0
          : exitCodes.invalid_input
    const error = toAppError(cause)
    printError(io, error)
    return exitCodeOf(error)
  }
}

function buildProgram(registry: Registry, io: Io): Command {
  const program = new Command(COMMAND)
    .description('Build, run and watch integrations: every Patchbay tool as a command.')
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .addHelpText('after', HELP_AFTER)
  withTargetOptions(program)

  addPrograms(program)
  program
    .command('tools')
    .helpGroup('Tools:')
    .description('List the tools, by toolset.')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => listTools(registry, io, options.json === true))
  program
    .command('describe <tool>')
    .helpGroup('Tools:')
    .description('Show what a tool takes and gives, as JSON.')
    .action((name: string, _options: object, command: Command) => {
      const tool = registry.get(name)
      if (tool === undefined) command.error(`error: no tool '${name}'; ${COMMAND} tools lists them`)
      else printJson(io, describeTool(tool))
    })
  addTypesCommand(program, registry, io)
  addEvalCommand(program, io, {
    withTarget: withTargetOptions,
    onFailure: (code) => {
      throw new CommanderError(code, 'patchbay.eval', 'not all passed')
    },
  })
  addChatCommand(program, io)
  for (const tool of registry.all) addToolCommand(program, tool, io)
  return program
}

/** The programs of server/: they read their settings from the environment and run until stopped. */
function addPrograms(program: Command): void {
  const group = 'Programs:'
  program
    .command('start')
    .helpGroup(group)
    .description('Start the server: MCP, HTTP API, webhooks and the worker.')
    .action(async () => {
      await import('../main.ts')
    })
  program
    .command('worker')
    .helpGroup(group)
    .description('Start one more process that runs executions (with DATABASE_URL).')
    .action(async () => {
      await import('../worker.ts')
    })
  program
    .command('stdio')
    .helpGroup(group)
    .description('Serve MCP over standard input and output.')
    // stdio.ts reads these itself
    .option('--toolsets <names>', 'toolsets to serve, separated by commas')
    .option('--customer <id>', 'serve the apps of one customer (id or slug)')
    .option('--connectors <slugs>', 'with --customer: only these apps, separated by commas')
    .option('--readOnly <yes>', 'with --customer: true to serve only what reads')
    .action(async () => {
      await import('../stdio.ts')
    })
}

function addToolCommand(program: Command, tool: AnyTool, io: Io): void {
  const schema = toolSchema(tool, 'input')
  const command = program
    .command(tool.name)
    .helpGroup(`${tool.toolset}: ${toolsets[tool.toolset]}`)
    .summary(tool.title)
    .description(tool.description)
  const fields = addFieldOptions(command, schema)
  withTargetOptions(command)
  command.action(async (options: Record<string, unknown>) => {
    const input = await readToolInput(io, schema, fields, options)
    const own = (name: 'url' | 'apiKey') =>
      fields.has(name) ? undefined : (options[name] as string | undefined)
    const { url = own('url'), apiKey = own('apiKey') } = program.opts<TargetOptions>()
    const config: Config = readConfig(io.env)
    printJson(
      io,
      await callTool(config, tool, input, {
        ...(url === undefined ? {} : { url }),
        ...(apiKey === undefined ? {} : { apiKey }),
      }),
    )
  })
}

/** `generate_types` as the text of a file. */
function addTypesCommand(program: Command, registry: Registry, io: Io): void {
  const command = program
    .command('types [connectors...]')
    .helpGroup('Tools:')
    .description(
      `Print the types of workflows and of the connectors named (all of them when none is) as a .d.ts file: ${COMMAND} types > patchbay.d.ts`,
    )
  withTargetOptions(command)
  command.action(async (connectors: string[], options: TargetOptions) => {
    const tool = registry.get('generate_types')
    if (tool === undefined) throw new Error('the tool generate_types is gone')
    const target = { ...options, ...program.opts<TargetOptions>() }
    const given = connectors.length === 0 ? { all: true } : { connectors }
    const answer = (await callTool(readConfig(io.env), tool, given, target)) as { types: string }
    io.stdout.write(answer.types)
  })
}

/** A run of an agent in the terminal. */
function addChatCommand(program: Command, io: Io): void {
  const command = program
    .command('chat')
    .helpGroup('Agents:')
    .description(
      'Start a run of an agent at a running server, or go on with one: prints its steps and asks its questions.',
    )
    .option('--agent <name>', 'the agent to start; list_agents shows them')
    .option('--input <json>', 'what the agent takes, as JSON', '{}')
    .option('--run <id>', 'go on with this run instead')
    .option('--auto', 'let it go on by itself where it can')
    .option(
      '--json',
      'for programs: a line of JSON for each event, question and result; answers are lines of JSON',
    )
  withTargetOptions(command)
  command.action(async (options: ChatFlags) => {
    const target = { ...options, ...program.opts<TargetOptions>() }
    if ((options.agent === undefined) === (options.run === undefined))
      command.error('error: give --agent to start a run, or --run to go on with one')
    const server = await serverOf(readConfig(io.env), target)
    if (server === undefined) {
      throw new AppError('unavailable', 'No server runs on this data folder.', {
        hint: 'Start one with `npm start`, or name one with --url.',
      })
    }
    const { chat } = await import('./chat.ts')
    const code = await chat(io, { ...readChat(options), server })
    if (code !== 0) throw new CommanderError(code, 'patchbay.chat', 'the run did not complete')
  })
}

interface ChatFlags extends TargetOptions {
  agent?: string
  input: string
  run?: string
  auto?: boolean
  json?: boolean
}

function readChat({ agent, run, auto, input, json }: ChatFlags) {
  let parsed: unknown
  try {
    parsed = JSON.parse(input)
  } catch (cause) {
    throw invalidInput('--input is not JSON.', { where: '--input', cause })
  }
  if (!isJsonObject(parsed)) throw invalidInput('--input is not a JSON object.', { where: '--input' })
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(run === undefined ? {} : { run }),
    auto: auto === true,
    json: json === true,
    input: parsed,
  }
}

/** Before the tool's name, and after it too unless the tool has a field of that name. */
function withTargetOptions(command: Command): void {
  const taken = new Set(command.options.map((option) => option.long))
  if (!taken.has('--url')) command.option('--url <url>', 'the server to call (PATCHBAY_URL)')
  if (!taken.has('--api-key')) command.option('--api-key <key>', 'the key to call with (PATCHBAY_API_KEY)')
}

function listTools(registry: Registry, io: Io, asJson: boolean): void {
  if (asJson) {
    printJson(
      io,
      registry.all.map(({ name, title, toolset, permission, effect, http }) => ({
        name,
        title,
        toolset,
        permission,
        effect,
        http,
      })),
    )
    return
  }
  const width = Math.max(...registry.all.map(({ name }) => name.length))
  for (const [toolset, purpose] of Object.entries(toolsets)) {
    const tools = registry.all.filter((tool) => tool.toolset === toolset)
    if (tools.length === 0) continue
    io.stdout.write(`${toolset}: ${purpose}\n`)
    for (const tool of tools) io.stdout.write(`  ${tool.name.padEnd(width)}  ${tool.title}\n`)
    io.stdout.write('\n')
  }
}

const describeTool = (tool: AnyTool) => ({
  name: tool.name,
  title: tool.title,
  description: tool.description,
  toolset: tool.toolset,
  permission: tool.permission,
  effect: tool.effect,
  http: tool.http.replace(' /', ' /api/v1/'),
  input: toolSchema(tool, 'input'),
  output: toolSchema(tool, 'output'),
})
