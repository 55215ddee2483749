/** A command line that cannot be understood, in one sentence that names what is valid; exit code 2. */
export class UsageError extends Error {}
