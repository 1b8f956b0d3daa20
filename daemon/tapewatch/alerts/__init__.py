"""What the engine's events mean to people and programs: conditions, the alert, its JSON and its wording. No I/O."""
