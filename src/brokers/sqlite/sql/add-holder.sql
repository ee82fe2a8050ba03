-- ?1 name, ?2 incarnation, ?3 boot, ?4 pid namespace, ?5 pid, ?6 started, ?7 lease ms, ?8 lease end
INSERT INTO lovage_holder (name, incarnation, boot, pid_namespace, pid, started, lease_ms, lease_end)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
RETURNING id
