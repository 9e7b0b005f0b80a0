import { settings } from '../../core/config.ts'
import { permissions, roleNames, rolePermissions } from '../../core/permissions.ts'
import { type AnyTool, toolsets } from '../../tools/define-tool.ts'
import type { Registry } from '../../tools/registry.ts'
import { COMMAND } from '../cli/output.ts'
import { toolSchema } from '../http/tool-schema.ts'
import { exampleOf, fieldRows, typeText } from './schema-text.ts'

/** The reference page, as Markdown: settings, roles and every tool. The same registry gives the same text. */
export function renderReference(registry: Registry): string {
  const sections = [
    '# Reference',
    '<!-- Made by `npm run docs` from the definitions in the code. Do not edit. -->',
    `Every tool is reached by its name over MCP (\`/mcp\`), at its own route over HTTP (and at \`POST /api/v1/tools/{name}\`), and as \`${COMMAND} <name>\` on the command line. [errors.md](errors.md) describes the errors.`,
    settingsSection(),
    rolesSection(),
    ...Object.entries(toolsets).flatMap(([toolset, purpose]) => {
      const tools = registry.all.filter((tool) => tool.toolset === toolset)
      return tools.length === 0 ? [] : [`## ${toolset}`, purpose, ...tools.map(toolSection)]
    }),
  ]
  return `${sections.join('\n\n')}\n`
}

function settingsSection(): string {
  const rows = settings.map((setting) => [
    `\`${setting.name}\``,
    defaultText(setting.default),
    setting.description,
  ])
  return `## Settings\n\nEnvironment variables, read once at start. A value that cannot be used, or a \`PATCHBAY_\` name that does not exist, stops the start.\n\n${table(['Setting', 'Default', 'Meaning'], rows)}`
}

function defaultText(value: unknown): string {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? '' : `\`${String(value)}\``
}

function rolesSection(): string {
  const categories = [...new Set(permissions.map((permission) => permission.split('.')[0] ?? ''))]
  const rows = roleNames.map((role) => {
    const own = rolePermissions[role]
    const lists = categories.flatMap((category) => {
      const actions = own.filter((name) => name.startsWith(`${category}.`)).map((name) => name.split('.')[1])
      return actions.length === 0 ? [] : [`${category}: ${actions.join(', ')}`]
    })
    const all = own.length === permissions.length
    return [`\`${role}\``, String(own.length), all ? 'all' : lists.join('; ')]
  })
  return `## Roles\n\nThere are ${permissions.length} permissions. A key has its role's, or fewer.\n\n${table(['Role', 'Permissions', 'Which'], rows)}`
}

function toolSection(tool: AnyTool): string {
  const input = toolSchema(tool, 'input')
  const output = toolSchema(tool, 'output')
  const rows = fieldRows(input)
  const traits = [
    `effect: ${tool.effect}`,
    ...(tool.effect !== 'read' && tool.idempotent === true ? ['idempotent'] : []),
    ...(tool.openWorld === true ? ['reaches other systems'] : []),
  ]
  return [
    `### ${tool.name}`,
    `${tool.title}. ${tool.description}`,
    `\`${tool.http.replace(' /', ' /api/v1/')}\` · permission: ${tool.permission === null ? 'none' : `\`${tool.permission}\``} · ${traits.join(', ')}`,
    rows.length === 0
      ? 'Takes no input.'
      : table(
          ['Input', 'Type', 'Meaning'],
          rows.map((row) => [
            `\`${row.name}\`${row.required ? ' *' : ''}`,
            `\`${row.type}\``,
            `${row.description}${row.default === undefined ? '' : ` Default: \`${row.default}\`.`}`,
          ]),
        ),
    `Gives ${
      Object.entries(output.properties ?? {})
        .map(([name, schema]) => `\`${name}\` (${typeText(schema)})`)
        .join(', ') || 'an empty object'
    }.`,
    `\`\`\`sh\n${COMMAND} ${tool.name}${exampleArguments(input)}\n\`\`\``,
  ].join('\n\n')
}

function exampleArguments(input: ReturnType<typeof toolSchema>): string {
  const example = JSON.stringify(exampleOf(input, 'input'))
  return example === '{}' ? '' : ` --json '${example.replaceAll("'", "'\\''")}'`
}

function table(head: string[], rows: string[][]): string {
  // Escaped, for a `|` ends a cell even inside code.
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
