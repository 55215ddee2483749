import type { ReactNode } from 'react'

/** The frame of every simulator page: it says that it is a simulation, and looks like nothing else. */
export function Simulation({ children, wide = false }: { children: ReactNode; wide?: boolean }) {
  return (
    <>
      <header className="simulation">
        <p>
          <strong>Simulation</strong> <span>No money moves here.</span>
        </p>
      </header>
      <main className={wide ? 'wide' : 'narrow'}>{children}</main>
    </>
  )
}

/** The mark of a method, with its name beside it. */
export function Mark({ code, name }: { code: string; name: string }) {
  return (
    <span className="mark">
      <img src={`/icons/methods/svg_square/${code}.svg`} width={40} height={40} alt="" />
      <span>{name}</span>
    </span>
  )
}

/** Names and values; null values are omitted. */
export function Facts({ facts }: { facts: [name: string, value: string | null][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}
