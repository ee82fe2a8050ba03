UPDATE lovage_chord SET size = ?2, memo = CASE WHEN closed THEN NULL ELSE coalesce(?3, memo) END WHERE chord = ?1
