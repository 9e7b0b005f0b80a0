/**
 * Milliseconds of processor time this thread has used. Bounds on effort are measured with it: unlike time on the
 * clock it does not grow when the machine is busy with something else.
 */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
