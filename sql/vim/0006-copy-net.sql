-- The second net that a net is led into at the same time (1+1 with a permanent bridge, G.8031); null: to one only.
alter table nets add column copy_net text;
