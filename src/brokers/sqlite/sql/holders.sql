SELECT id, name, incarnation, boot, pid_namespace, pid, started, lease_ms, lease_end FROM lovage_holder
