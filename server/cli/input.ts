import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { invalidInput } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { fromText, fromTexts } from '../http/coerce.ts'
import { type Schema, typesOf } from '../http/tool-schema.ts'
import type { Io } from './output.ts'

/** Option names that mean something else; fields called so are given in --json. */
const RESERVED = new Set(['json', 'help'])

/**
 * Adds `--json` and a flag for each input field.
 * @returns field name → the attribute commander keeps its flag's value in
 */
export function addFieldOptions(command: Command, schema: Schema): Map<string, string> {
  command.option(
    '--json <input>',
    'the whole input: JSON text, @file, or - for standard input; flags go over it',
  )
  const fields = new Map<string, string>()
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll('_', '-')
    if (RESERVED.has(flag)) continue
    const required = schema.required?.includes(name) === true
    const option = new Option(
      `--${flag} ${placeholder(field)}`,
      `${describe(field)}${required ? ' (required)' : ''}`,
    )
    if (field.enum !== undefined) option.argChoices = field.enum.map(String) // shown; the tool's schema checks
    command.addOption(option)
    fields.set(name, option.attributeName())
  }
  command.addHelpText(
    'after',
    '\nA text flag given as @file is read from the file; @@ starts a text that begins with @.',
  )
  return fields
}

function placeholder(field: Schema): string {
  const types = typesOf(field)
  if (types === undefined || types.has('object')) return '<json>'
  if (types.has('array')) return '<value...>'
  if (types.has('boolean') && !types.has('string')) return '[true|false]'
  if (types.has('number') || types.has('integer')) return '<number>'
  return '<text>'
}

function describe(field: Schema): string {
  const choices = field.enum === undefined ? [] : [`one of ${field.enum.join(', ')}`]
  const preset =
    field.default === undefined || field.default === null ? [] : [`default ${JSON.stringify(field.default)}`]
  return [field.description ?? '', ...choices, ...preset].filter((part) => part !== '').join('; ')
}

/**
 * A tool's input out of `--json` and the field flags.
 * @throws AppError `invalid_input` when the JSON or a file cannot be read
 */
export async function readToolInput(
  io: Io,
  schema: Schema,
  fields: ReadonlyMap<string, string>,
  options: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const input = typeof options.json === 'string' ? await readJson(io, options.json) : {}
  for (const [name, attribute] of fields) {
    const given = options[attribute]
    if (given === undefined) continue
    input[name] = await fieldValue(given as string | true | string[], schema.properties?.[name] ?? {}, name)
  }
  return input
}

async function fieldValue(given: string | true | string[], field: Schema, name: string): Promise<unknown> {
  if (given === true) return true
  const texts = await Promise.all([given].flat().map((text) => expandFile(text, name)))
  const [first] = texts
  return Array.isArray(given) || first === undefined ? fromTexts(texts, field) : fromText(first, field)
}

async function expandFile(text: string, where: string): Promise<string> {
  if (text.startsWith('@@')) return text.slice(1)
  return text.startsWith('@') ? readText(text.slice(1), where) : text
}

async function readJson(io: Io, given: string): Promise<Record<string, unknown>> {
  const text =
    given === '-'
      ? await readAll(io.stdin)
      : given.startsWith('@')
        ? await readText(given.slice(1), '--json')
        : given
  const value = parse(text)
  if (isJsonObject(value)) return value
  throw invalidInput('--json must be a JSON object.', {
    where: '--json',
    hint: 'Give the input fields as one object, e.g. --json \'{"name":"Acme"}\'.',
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalidInput(
      `--json is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        where: '--json',
        hint: 'Correct the JSON. In a shell, put it in single quotes or in a file: --json @input.json.',
        cause,
      },
    )
  }
}

async function readText(path: string, where: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw invalidInput(`'${path}' cannot be read: ${cause.message}`, {
      where,
      hint: 'Check the path after the @.',
      cause,
    })
  })
}

async function readAll(stream: Io['stdin']): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
