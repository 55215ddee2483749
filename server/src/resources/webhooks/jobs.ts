import type { Job } from '#foundation/jobs/job.ts'
import { forgetDeliveries } from './webhook-deliveries/forget-deliveries-job.ts'

export const webhooksJobs: readonly Job[] = [forgetDeliveries]
