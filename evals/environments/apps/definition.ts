/** A field as its JSON Schema has it. */
export interface Field {
  type: 'string' | 'number' | 'integer' | 'boolean' | 'array'
  description: string
  enum?: readonly string[]
  minimum?: number
  items?: object
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any app, looked into by those who know it
export type Row = Record<string, any>

/** A kind of thing that an app keeps, and what it lets others do with it. */
export interface Resource {
  /** In its paths: `invoices`. */
  name: string
  /** Of its operations: `create_invoice`. */
  one: string
  fields: Record<string, Field>
  can: readonly ('list' | 'get' | 'create' | 'update')[]
  /** What a new one must have. */
  required?: readonly string[]
  /** What a new one has when nobody says. */
  defaults?: Row
  /** Fields a list can be narrowed by, each exactly. */
  filters?: readonly string[]
  /** Lists come in pages of so many. */
  pageSize?: number
  /** In every account from the start. */
  seed?: readonly Row[]
  /** Why the app takes it not, though it has the right form. */
  refuse?(given: Row, rows: (resource: string) => readonly Row[]): string | undefined
}

/** A small app with an API: data, from which its description and its server are made. */
export interface AppDefinition {
  name: string
  about: string
  resources: readonly Resource[]
}
