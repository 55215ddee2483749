-- Every record has a version, from which its ETag is made.
alter table hawker.webhook_endpoints add column version integer not null default 1;

alter table hawker.bank_accounts add column version integer not null default 1;

alter table hawker.locations add column version integer not null default 1;
