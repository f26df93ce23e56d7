"""Use cases of user-service: functions `verb_noun`, without web or serialisation."""
