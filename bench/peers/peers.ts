/** Peers to measure beside: what to install, how to start it, and the one request of the measured job. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../tests/setup/postgres-server.ts'

export type PeerName = 'restate' | 'dbos' | 'node-red' | 'n8n'

export interface Peer {
  /** Does the job once and resolves when it is done and, where the peer stores, stored. */
  once(n: number): Promise<void>
  stop(): Promise<void>
}

const packages: Record<PeerName, { dependencies: Record<string, string>; overrides?: object }> = {
  restate: { dependencies: { '@restatedev/restate-server': '1.7.12', '@restatedev/restate-sdk': '1.17.2' } },
  dbos: { dependencies: { '@dbos-inc/dbos-sdk': '5.3.0' } },
  'node-red': { dependencies: { 'node-red': '5.0.7' } },
  // Its own packages name a spreadsheet library by an address outside the registry.
  n8n: { dependencies: { n8n: '2.41.0' }, overrides: { xlsx: '0.18.5' } },
}

/** Installs a peer in a folder of its own, once. */
export function installPeer(folder: string, name: PeerName): string {
  const home = join(folder, name)
  if (existsSync(join(home, 'node_modules'))) return home
  mkdirSync(home, { recursive: true })
  const { dependencies, overrides } = packages[name]
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ private: true, dependencies, ...(overrides && { overrides }) }),
  )
  const npm = join(process.execPath, '..', 'npm')
  execFileSync(existsSync(npm) ? npm : 'npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: home,
    stdio: 'inherit',
  })
  return home
}

/** @param databaseUrl of an empty Postgres database, for the peers that store there */
export async function startPeer(home: string, name: PeerName, databaseUrl: string): Promise<Peer> {
  const children: ChildProcess[] = []
  const output = process.env.BENCH_VERBOSE === undefined ? 'ignore' : 'inherit'
  const data = mkdtempSync(join(home, 'data-'))
  const run = (command: string, args: string[], env: Record<string, string>) => {
    const child = spawn(command, args, {
      cwd: home,
      env: { PATH: process.env.PATH ?? '', HOME: data, ...env },
      stdio: ['ignore', output, output],
      // A group of its own: the commands of some peers start the server as a child, which must stop with them.
      detached: true,
    })
    children.push(child)
  }
  const program = (file: string) => {
    copyFileSync(fileURLToPath(new URL(`programs/${file}`, import.meta.url)), join(home, file))
    return join(home, file)
  }
  const bin = (file: string) => join(home, 'node_modules', '.bin', file)
  const stop = async () => {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((resolve) => {
            if (hasEnded(child) || child.pid === undefined) return resolve()
            child.once('exit', () => resolve())
            process.kill(-child.pid, 'SIGKILL')
          }),
      ),
    )
    rmSync(data, { recursive: true, force: true })
  }
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const
  const [port, second, third, fourth] = ports
  const address = `http://127.0.0.1:${port}`
  const post = async (url: string, body: object) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${name} answered ${response.status}: ${text.slice(0, 300)}`)
  }

  switch (name) {
    case 'restate': {
      run(process.execPath, [program('restate.mjs')], { PORT: String(second) })
      run(bin('restate-server'), ['--base-dir', data], {
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${port}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${third}`,
        RESTATE_BIND_ADDRESS: `127.0.0.1:${fourth}`,
        RUST_LOG: 'error',
      })
      await until(
        () =>
          post(`http://127.0.0.1:${third}/deployments`, { uri: `http://127.0.0.1:${second}`, force: true }),
        () => children.some(hasEnded),
      )
      break
    }
    case 'dbos':
      run(process.execPath, [program('dbos.mjs')], { PORT: String(port), DATABASE_URL: databaseUrl })
      break
    case 'node-red': {
      copyFileSync(program('node-red-flows.json'), join(data, 'flows.json'))
      run(bin('node-red'), ['--userDir', data, '--port', String(port), join(data, 'flows.json')], {})
      break
    }
    case 'n8n': {
      const { hostname, port: dbPort, username, password, pathname } = new URL(databaseUrl)
      const env = {
        N8N_PORT: String(port),
        N8N_LISTEN_ADDRESS: '127.0.0.1',
        N8N_USER_FOLDER: data,
        N8N_DIAGNOSTICS_ENABLED: 'false',
        N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
        N8N_RUNNERS_BROKER_PORT: String(second),
        EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'all',
        DB_TYPE: 'postgresdb',
        DB_POSTGRESDB_HOST: hostname,
        DB_POSTGRESDB_PORT: dbPort,
        DB_POSTGRESDB_USER: username,
        DB_POSTGRESDB_PASSWORD: password,
        DB_POSTGRESDB_DATABASE: pathname.slice(1),
      }
      const n8n = (...args: string[]) =>
        execFileSync(bin('n8n'), args, {
          cwd: home,
          env: { PATH: process.env.PATH ?? '', HOME: data, ...env },
        })
      n8n('import:workflow', `--input=${program('n8n-workflow.json')}`)
      n8n('update:workflow', '--id=bench00000000001', '--active=true')
      run(bin('n8n'), ['start'], env)
      break
    }
  }
  const path = { restate: '/bench/three', dbos: '/', 'node-red': '/bench', n8n: '/webhook/bench' }[name]
  const peer: Peer = { once: (n) => post(`${address}${path}`, { n, id: String(n) }), stop }
  try {
    await until(
      () => peer.once(0),
      () => children.some(hasEnded),
    )
  } catch (error) {
    await stop()
    throw error
  }
  return peer
}

const START_MS = 180_000

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** @throws the attempt's last error once time is up, or at once when the peer's process has ended. */
async function until(attempt: () => Promise<unknown>, ended: () => boolean): Promise<void> {
  const end = Date.now() + START_MS
  for (;;) {
    try {
      await attempt()
      return
    } catch (error) {
      if (ended())
        throw new Error('The peer ended as it started; BENCH_VERBOSE=1 shows why.', { cause: error })
      if (Date.now() > end) throw error
      await new Promise((next) => setTimeout(next, 500))
    }
  }
}
