-- Past events that are sent again, in batches. While one is pending, `next_sequence` is where it continues.
create table hawker.webhook_replays (
  business_id uuid not null,
  id uuid not null,
  -- What is replayed. The upper end is fixed when the replay begins, so that it ends.
  from_sequence bigint not null,
  to_sequence bigint not null,
  created_from timestamptz,
  created_before timestamptz,
  event_type text,
  -- To one endpoint or one URL; to the usual destinations if both are null.
  endpoint_id uuid,
  url text,
  api_key_id uuid,
  status text not null,
  -- Why it failed.
  error text,
  next_sequence bigint not null,
  events bigint not null,
  queued bigint not null,
  -- When its next batch is due; null once it has ended.
  due_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  finished_at timestamptz,
  primary key (business_id, id),
  constraint webhook_replays_status check (status in ('pending', 'succeeded', 'failed', 'canceled')),
  constraint webhook_replays_due check ((status = 'pending') = (due_at is not null))
);

select hawker.tenant_table('hawker.webhook_replays');

-- A business has one replay in progress at most.
create unique index webhook_replays_pending on hawker.webhook_replays (business_id) where status = 'pending';

create index webhook_replays_due on hawker.webhook_replays (due_at) where status = 'pending';
