let isDown = false

if (typeof document !== 'undefined') {
  document.addEventListener('pointerdown', () => void (isDown = true), true)
  for (const kind of ['pointerup', 'pointercancel']) document.addEventListener(kind, () => void (isDown = false), true)
}

/**
 * Runs now, or after the click that is being made: an error that appeared under a pressed pointer would move the button away, and
 * the click would be lost.
 */
export function onceReleased(run: () => void): void {
  if (isDown) document.addEventListener('pointerup', () => setTimeout(run, 50), { once: true })
  else run()
}
