-- A fourth scheme. A column's check goes with its column, so the column is made anew.
alter table vnfc add column scheme text check (scheme in ('ACTIVE_ACTIVE', 'ACTIVE_PASSIVE', 'DUPLICATED', 'N_PLUS_M'));
update vnfc set scheme = high_availability;
alter table vnfc drop column high_availability;
alter table vnfc rename column scheme to high_availability;
