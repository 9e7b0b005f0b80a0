// biome-ignore lint/suspicious/noExplicitAny: what tools answer is read by those who know the tool
export type Answer = Record<string, any>

/** A tool refused or failed. */
export class ToolFailure extends Error {
  readonly status: number
  readonly body: Answer
  constructor(tool: string, status: number, body: Answer) {
    super(`${tool} answered ${status}: ${JSON.stringify(body).slice(0, 1000)}`)
    this.status = status
    this.body = body
  }
}

/** Patchbay from outside, as any client has it. */
export interface Doors {
  /** Calls a tool over HTTP. @throws ToolFailure */
  call(tool: string, input?: object): Promise<Answer>
  /** Posts JSON as somebody without a key does, such as an app to a webhook. */
  post(
    path: string,
    payload: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Answer }>
  /** The same doors with another key. */
  as(key: string): Doors
}

export function buildDoors(url: string, key: string): Doors {
  return {
    as: (other) => buildDoors(url, other),
    async post(path, payload, headers = {}) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close', ...headers },
        body: JSON.stringify(payload),
      })
      return { status: response.status, body: (await response.json()) as Answer }
    },
    async call(tool, input = {}) {
      const response = await fetch(`${url}/api/v1/tools/${tool}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          // Reading a large description keeps this process busy for longer than the server keeps a connection.
          connection: 'close',
        },
        body: JSON.stringify(input),
      })
      const body = (await response.json()) as Answer
      if (!response.ok) throw new ToolFailure(tool, response.status, body)
      return body
    },
  }
}
