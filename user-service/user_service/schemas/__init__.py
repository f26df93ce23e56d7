"""Shape and format of what user-service takes and gives."""
