-- What is looked through for its age, and what is asked of each record then.
create index openmano_action_by_time on openmano_action (json_extract(body, '$.createdAt'));
create index incident_open on incident (opened_at) where state = 'open';
