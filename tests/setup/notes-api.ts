import { startUpstream, type Upstream } from './upstream.ts'

/** A small API with state, a description of itself at /openapi.json, and documentation at /docs. */
export interface NotesApi extends Upstream {
  notes: Map<string, { id: string; title: string; body: string }>
  /** Where notes are: changed, the API has moved on and its description says so. */
  place: string
}

export const NOTES_TOKEN = 'notes-token'

export async function startNotesApi(): Promise<NotesApi> {
  const upstream = await startUpstream()
  const api: NotesApi = Object.assign(upstream, { notes: new Map(), place: 'notes' })
  let made = 0
  api.answer = ({ method, path, headers, body }) => {
    const { pathname } = new URL(path, upstream.url)
    if (pathname === '/openapi.json') return { status: 200, body: describeNotes(api) }
    if (pathname === '/docs')
      return { status: 200, body: documentNotes(api), headers: { 'content-type': 'text/html' } }
    if (headers.authorization !== `Bearer ${NOTES_TOKEN}`)
      return { status: 401, body: { error: 'who are you?' } }
    const [place, id, ...rest] = pathname.split('/').slice(1)
    if (place !== api.place || rest.length > 0) return { status: 404, body: { error: 'no such address' } }
    if (id === undefined) {
      if (method === 'GET') return { status: 200, body: { data: [...api.notes.values()] } }
      if (method !== 'POST')
        return { status: 405, body: { error: 'GET or POST' }, headers: { allow: 'GET, POST' } }
      const { title, body: text = '' } = JSON.parse(body || '{}') as { title?: string; body?: string }
      if (title === undefined) return { status: 422, body: { error: 'title is required' } }
      made += 1
      const note = { id: `note_${made}`, title, body: text }
      api.notes.set(note.id, note)
      return { status: 201, body: note }
    }
    const note = api.notes.get(id)
    if (note === undefined) return { status: 404, body: { error: 'no such note' } }
    if (method === 'GET') return { status: 200, body: note }
    if (method === 'PATCH') {
      const changed = { ...note, ...(JSON.parse(body || '{}') as object) }
      api.notes.set(id, changed)
      return { status: 200, body: changed }
    }
    if (method !== 'DELETE') return { status: 405, body: { error: 'GET, PATCH or DELETE' } }
    api.notes.delete(id)
    return { status: 204, body: '' }
  }
  return api
}

const text = { type: 'string' }
const NOTE = {
  type: 'object',
  required: ['id', 'title', 'body'],
  properties: { id: text, title: text, body: text },
}

export function describeNotes({ url, place }: { url: string; place: string }): object {
  const json = (schema: object) => ({ content: { 'application/json': { schema } } })
  const note = { ...json({ $ref: '#/components/schemas/Note' }), description: 'A note.' }
  const fields = { title: text, body: text }
  return {
    openapi: '3.1.0',
    info: { title: 'Notes', version: '1' },
    servers: [{ url }],
    security: [{ token: [] }],
    paths: {
      [`/${place}`]: {
        get: {
          operationId: 'listNotes',
          summary: 'List notes',
          responses: {
            200: {
              description: 'Notes.',
              ...json({
                type: 'object',
                required: ['data'],
                properties: { data: { type: 'array', items: { $ref: '#/components/schemas/Note' } } },
              }),
            },
          },
        },
        post: {
          operationId: 'createNote',
          summary: 'Create a note',
          requestBody: {
            required: true,
            ...json({ type: 'object', required: ['title'], properties: fields }),
          },
          responses: { 201: note },
        },
      },
      [`/${place}/{note_id}`]: {
        parameters: [{ name: 'note_id', in: 'path', required: true, schema: text }],
        get: { operationId: 'getNote', summary: 'Get a note', responses: { 200: note } },
        patch: {
          operationId: 'updateNote',
          summary: 'Change a note',
          requestBody: { required: true, ...json({ type: 'object', properties: fields }) },
          responses: { 200: note },
        },
        delete: {
          operationId: 'deleteNote',
          summary: 'Delete a note',
          responses: { 204: { description: 'Gone.' } },
        },
      },
    },
    components: { schemas: { Note: NOTE }, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  }
}

/** The same in prose, as people write it. */
export const documentNotes = ({ url, place }: { url: string; place: string }): string => `<html><body>
<h1>Notes API</h1><p>The base URL is <code>${url}</code>. Send your token as <code>Authorization: Bearer TOKEN</code>.</p>
<h2>Create a note</h2><p><code>POST /${place}</code> with a JSON body: <code>title</code> (string, required) and
<code>body</code> (string). Answers 201 with the note: <code>{"id":"note_1","title":"…","body":"…"}</code>.</p>
<h2>Get a note</h2><p><code>GET /${place}/{note_id}</code> answers the note.</p>
<h2>Delete a note</h2><p><code>DELETE /${place}/{note_id}</code> answers 204.</p>
</body></html>`
