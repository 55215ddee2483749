import type { ReactNode, RefObject } from 'react'

export type Heading = RefObject<HTMLHeadingElement | null>

/** The heading of a screen of the phone; it gets the focus when the screen appears. */
export function ScreenTitle({ heading, children }: { heading: Heading; children: ReactNode }) {
  return (
    <h2 ref={heading} tabIndex={-1}>
      {children}
    </h2>
  )
}
