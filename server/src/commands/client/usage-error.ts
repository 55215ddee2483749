/** An invalid command line; answered with the usage and exit code 2. */
export class UsageError extends Error {}
