import { type Cluster, familyOf, type Member, revive } from './cluster.ts'
import type { Ledger, Mood } from './ledger.ts'
import type { Random } from './random.ts'

const SECOND = 1_000
const HOUR_SECONDS = 3_600

export interface Fault {
  name: string
  /** Does harm, and undoes what does not mend by itself. */
  strike(): Promise<void>
}

/**
 * The harm that can be done here, as often in the list as it is to be likely. What a fault is aimed at and how long it
 * lasts are drawn when it is picked.
 * @param patience seconds a silent process may last: more than 20, and others take its work
 */
export function listFaults(
  cluster: Cluster,
  ledger: Ledger,
  random: Random,
  patience: number,
): (() => Fault)[] {
  const { postgres, redis, disk, setClock } = cluster
  const pause = (ms: number) => new Promise<void>((next) => setTimeout(next, ms))
  const seconds = (least: number, most: number) => random.between(least * SECOND, most * SECOND)
  const member = (): Member => random.pick(cluster.members)
  const signal = (pids: readonly number[], name: NodeJS.Signals) => {
    for (const pid of pids) {
      try {
        process.kill(pid, name)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it ended by itself
      }
    }
  }
  const end = (name: NodeJS.Signals) => (): Fault => {
    const { name: who, pid } = member()
    return {
      name: `${name} ${who}`,
      strike: async () => signal([pid() ?? []].flat(), name),
    }
  }
  const killSandbox = (): Fault => {
    const { name, pid } = member()
    return {
      name: `SIGKILL a sandbox of ${name}`,
      strike: async () => signal(familyOf(pid() ?? 0).slice(1, 2), 'SIGKILL'),
    }
  }
  /** The process alone, or with its sandbox, as a machine that is paused. */
  const freeze = (): Fault => {
    const { name, pid } = member()
    const whole = random.next() < 0.5
    const ms = random.next() < 0.4 ? seconds(patience, patience + 3) : seconds(1, 4)
    return {
      name: `SIGSTOP ${name}${whole ? ' and its sandbox' : ''} for ${ms} ms`,
      strike: async () => {
        const id = pid()
        if (id === undefined) return
        const pids = whole ? familyOf(id) : [id]
        signal(pids, 'SIGSTOP')
        await pause(ms)
        signal(pids, 'SIGCONT')
      },
    }
  }
  const cut = (): Fault => {
    const { name, proxies } = member()
    const [proxy] = [random.pick(proxies)]
    return {
      name: `connections of ${name} to ${proxy === proxies[0] ? 'Postgres' : 'Redis'} cut`,
      strike: async () => proxy.cut(),
    }
  }
  const separate = (): Fault => {
    const { name, proxies } = member()
    const ms = random.next() < 0.4 ? seconds(patience, patience + 3) : seconds(1, 4)
    return {
      name: `${name} cut off for ${ms} ms`,
      strike: async () => {
        for (const proxy of proxies) proxy.freeze()
        await pause(ms)
        for (const proxy of proxies) {
          proxy.cut()
          proxy.thaw()
        }
      },
    }
  }
  const upstream = (mood: Mood) => (): Fault => {
    const ms = seconds(1, 4)
    return {
      name: `upstream ${mood} for ${ms} ms`,
      strike: async () => {
        ledger.mood = mood
        await pause(ms)
        ledger.mood = 'well'
      },
    }
  }
  const killPostgres = (): Fault => {
    const ms = seconds(0, 3)
    return {
      name: `SIGKILL Postgres, back after ${ms} ms`,
      strike: async () => {
        await postgres.kill()
        await pause(ms)
        await revive(postgres)
      },
    }
  }
  const faults = [
    end('SIGKILL'),
    end('SIGKILL'),
    end('SIGKILL'),
    end('SIGTERM'),
    killSandbox,
    killSandbox,
    freeze,
    freeze,
    cut,
    separate,
    upstream('silent'),
    upstream('dropping'),
    killPostgres,
    killPostgres,
  ]
  if (redis !== undefined) {
    const killRedis = (): Fault => {
      const ms = seconds(0, 3)
      return {
        name: `SIGKILL Redis, back empty after ${ms} ms`,
        strike: async () => {
          await redis.kill()
          await pause(ms)
          await revive(redis)
        },
      }
    }
    faults.push(killRedis, killRedis)
  }
  if (disk !== undefined) {
    faults.push(() => {
      const ms = seconds(1, 3)
      return {
        name: `disk full for ${ms} ms`,
        strike: async () => {
          disk.fill()
          await pause(ms)
          disk.free()
          if (!postgres.alive()) await revive(postgres) // it gives up when it cannot write its log
        },
      }
    })
  }
  if (setClock !== undefined) {
    faults.push(() => {
      const by = random.pick([-HOUR_SECONDS, HOUR_SECONDS])
      const ms = seconds(2, 5)
      return {
        name: `clock of worker-2 off by ${by} s for ${ms} ms`,
        strike: async () => {
          setClock(by)
          await pause(ms)
          setClock(0)
        },
      }
    })
  }
  return faults
}
