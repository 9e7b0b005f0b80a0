/** Is there a process of this id, ours or not? (Ids are used again, so a yes is no proof that it is the same one.) */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
