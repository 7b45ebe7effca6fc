"""Read tables of the user's own and lists of other tools: rows, columns, ids, segments."""
