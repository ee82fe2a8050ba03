DELETE FROM celery_tasksetmeta WHERE taskset_id = ?1
