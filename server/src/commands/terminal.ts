import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]
type Stream = Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number }

/** Styles a text if its stream is a terminal; NO_COLOR, NODE_DISABLE_COLORS and FORCE_COLOR are respected. */
export function styled(style: Style, text: string, stream: NodeJS.WritableStream = process.stdout): string {
  return styleText(style, text, { stream })
}

/** One line on a terminal that says how far a long command is; nothing where there is no terminal. */
export interface Progress {
  /** Replaces the line. */
  show(text: string): void
  /** Removes the line, before other output and at the end. */
  clear(): void
}

/** The progress line of a stream, which is standard error: standard output carries results. */
export function progressOn(stream: Stream = process.stderr): Progress {
  let isShown = false
  return {
    show(text) {
      if (!stream.isTTY) return
      isShown = true
      // A line that wrapped could not be replaced.
      stream.write(`\r\x1b[K${stripVTControlCharacters(text).slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`)
    },
    clear() {
      if (isShown) stream.write('\r\x1b[K')
      isShown = false
    },
  }
}
