-- Requests that ended without being paid, by how: what a list of one status finds them by, since they may be few among
-- millions. Kept apart, so that a request's own row can change its status without touching an index; what waits and what
-- was paid is most of what there is, and never enters it.
create table hawker.payment_request_endings (
  business_id uuid not null,
  status text not null check (status in ('failed', 'expired', 'canceled', 'inactive')),
  id uuid not null,
  primary key (business_id, status, id)
);

select hawker.tenant_table('hawker.payment_request_endings');

insert into hawker.payment_request_endings (business_id, status, id)
select business_id, status, id from hawker.payment_requests where status in ('failed', 'expired', 'canceled', 'inactive');
