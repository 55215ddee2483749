/** What an embedded checkout reports to the surrounding frame, which forwards it to the merchant's page (behaviour §9.3). */
export type FrameMessage =
  | { type: 'loaded' }
  | { type: 'toggle' }
  | { type: 'success'; payment_request_id: string; status: string; reference_number: string | null }
  | { type: 'error'; error: string }

/** Reports to the frame around an embedded checkout, which is on our own origin, what has happened. */
export function tellFrame(message: FrameMessage): void {
  if (window.parent !== window) window.parent.postMessage(message, window.location.origin)
}
