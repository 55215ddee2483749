import type { Currency } from '#foundation/shared/money.ts'
import type { Card } from './card.ts'

/** What a payer brings, for the duration of one call; none of it is stored as it is. */
export interface PaymentInput {
  /** A card's number and the rest, only ever handed to the rail. */
  card?: { number: string; expiryMonth?: number; expiryYear?: number; cvc?: string }
  /** A card that the rail has tokenised already. */
  token?: string
  /** Whether the payer sits at a browser, which can be sent to a wallet's page or a bank's challenge; in the sandbox to the simulator's. */
  interactive?: boolean
  /** Sandbox: what shall happen. */
  outcome?: 'completed' | 'failed' | 'canceled' | 'timeout' | undefined
  /** Sandbox: answer only after this many seconds. */
  delaySeconds?: number
  /** Sandbox: what the payer does when the card asks for 3-D Secure. */
  challenge?: 'passed' | 'failed' | 'abandoned'
}

/** One attempt to pay, as a rail sees it. */
export interface Attempt {
  /** Our charge's id: the idempotency key of every call about it. */
  readonly id: string
  readonly businessId: string
  readonly country: string
  readonly method: string
  readonly amountMinor: bigint
  readonly currency: Currency
  /** What QR codes and bank transfers carry, at most 25 of `[A-Z0-9]`. */
  readonly reference: string
  readonly description: string
  readonly payer: { name: string | null; email: string | null; phone: string | null }
  /** Where the payer's browser comes back to after a redirect. */
  readonly returnUrl: string
  /** What the rail asked us to keep when it last answered. */
  readonly data: Record<string, unknown>
  /** The rail's name for it, once it is known. */
  readonly railReference: string | null
  readonly createdAt: Date
  /** The present, so that a rail needs no clock of its own. */
  readonly now: Date
}

/** What the payer has to do next. */
export type Action = { type: 'redirect'; url: string } | { type: 'qr'; payload: string; expiresAt: Date | null } | { type: 'challenge'; url: string }

/** A rail's answer is a value, not an error; what is not understood is pending, and is asked again. */
export type Outcome =
  | { status: 'succeeded'; reference: string; card?: Card; data?: Record<string, unknown> }
  | { status: 'pending'; reference?: string; checkAfterSeconds: number; data?: Record<string, unknown> }
  | { status: 'requires_action'; reference?: string; action: Action; checkAfterSeconds: number; card?: Card; data?: Record<string, unknown> }
  | { status: 'failed'; reference?: string; code: string; message: string; canceled?: boolean; card?: Card; data?: Record<string, unknown> }

export interface RefundAttempt {
  /** Our refund's id: the idempotency key of every call about it. */
  readonly id: string
  readonly businessId: string
  readonly amountMinor: bigint
  readonly currency: Currency
  /** The rail's reference of the charge. */
  readonly chargeReference: string
  readonly chargeData: Record<string, unknown>
  readonly method: string
  readonly createdAt: Date
  readonly now: Date
}

export type RefundOutcome =
  | { status: 'succeeded'; reference: string }
  | { status: 'pending'; reference?: string; checkAfterSeconds: number }
  | { status: 'failed'; code: string; message: string }

/** A message of a rail to us, verified and understood. */
export type RailNotification = {
  /** The rail's id of the message; each is acted upon once. */
  eventId: string
  /** Our id of the charge or refund that it is about, where the rail carries it. */
  objectId: string | null
} & ({ kind: 'charge'; outcome: Outcome } | { kind: 'refund'; outcome: RefundOutcome })

/** A request as it came, for signatures over raw bytes. */
export interface RawRequest {
  body: Buffer
  headers: Record<string, string | undefined>
}

/** A business's own access to a rail, decrypted: for Stripe its keys. Empty for the simulator. */
export type RailAccess = Readonly<Record<string, string>>

/**
 * A way for money to move. Rails are stateless: they neither read nor write the database. What a rail cannot do, it has
 * no method for. Every rail passes `conformance.ts`.
 */
export interface Rail {
  readonly name: string
  /** True when nothing leaves this process: then the attempt and its outcome are written in one transaction. */
  readonly local: boolean
  readonly methods: readonly string[]
  start(attempt: Attempt, input: PaymentInput, access: RailAccess): Promise<Outcome>
  /** Asked by a job when no notification came. */
  check(attempt: Attempt, access: RailAccess): Promise<Outcome>
  refund?(refund: RefundAttempt, access: RailAccess): Promise<RefundOutcome>
  checkRefund?(refund: RefundAttempt & { reference: string | null }, access: RailAccess): Promise<RefundOutcome>
  /** Verifies, then parses; undefined for messages that concern no payment. Throws `BadNotification` for a bad signature. */
  readNotification?(request: RawRequest, access: RailAccess, now: Date): Promise<RailNotification | undefined>
}

/** A notification whose signature or form is wrong; answered with 400 and otherwise ignored. */
export class BadNotification extends Error {}
