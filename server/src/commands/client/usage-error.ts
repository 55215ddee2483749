/** A command line that says nothing sensible; answered with the usage and exit code 2. */
export class UsageError extends Error {}
